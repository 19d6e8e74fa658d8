/**
 * Which dead letters were put back on their topic. It is kept in the dead-letter topic itself, as records after the
 * letters that they speak of: so it lasts as long as they do, and of two replays at once the one that the log has first
 * gets a letter. Pure.
 */

/** First and last offset, both included. */
export type OffsetRange = readonly [first: number, last: number];

export interface ReplayMark {
  /** Which replay says so. */
  readonly replay: string;
  /** `begun` before the first letter is sent, `done` when they are acknowledged, `given_back` when they were not sent. */
  readonly state: 'begun' | 'done' | 'given_back';
  readonly offsets: readonly OffsetRange[];
  /** Takes letters that had been replayed before. */
  readonly again: boolean;
}

/** `begun`: its replay was cut off, or goes on now; whether it is on its topic again is not known. */
export type LetterState = 'waiting' | 'begun' | 'replayed';

interface Taken {
  readonly replay: string;
  readonly state: 'begun' | 'replayed';
  readonly before: Taken | undefined;
}

export class ReplayLedger {
  readonly #taken = new Map<number, Taken>();

  /** Marks in the order of the log. */
  apply({ replay, state, offsets, again }: ReplayMark): void {
    for (const offset of offsetsOf(offsets)) {
      const taken = this.#taken.get(offset);
      if (state === 'begun') {
        if (taken !== undefined && !again) continue;
        this.#taken.set(offset, { replay, state: 'begun', before: taken });
      } else if (taken?.replay === replay && taken.state === 'begun') {
        if (state === 'done') this.#taken.set(offset, { replay, state: 'replayed', before: undefined });
        else if (taken.before === undefined) this.#taken.delete(offset);
        else this.#taken.set(offset, taken.before);
      }
    }
  }

  stateOf(offset: number): LetterState {
    return this.#taken.get(offset)?.state ?? 'waiting';
  }

  /** Whether this replay, and no other, may send the letter. */
  owns(replay: string, offset: number): boolean {
    const taken = this.#taken.get(offset);
    return taken?.replay === replay && taken.state === 'begun';
  }
}

function* offsetsOf(ranges: readonly OffsetRange[]): Generator<number> {
  for (const [first, last] of ranges) for (let offset = first; offset <= last; offset += 1) yield offset;
}

/** Rising offsets as ranges. */
export function rangesOf(offsets: Iterable<number>): readonly OffsetRange[] {
  const ranges: [number, number][] = [];
  for (const offset of offsets) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === offset) last[1] = offset;
    else ranges.push([offset, offset]);
  }
  return ranges;
}

/** What makes a record of a dead-letter topic a mark; its value is the mark as JSON. */
export const replayMarkHeader = 'millrace-replay';

export const encodeMark = (mark: ReplayMark): Buffer => Buffer.from(JSON.stringify(mark));

const isRange = (value: unknown): value is OffsetRange =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((offset) => Number.isSafeInteger(offset) && offset >= 0) &&
  value[0] <= value[1];

/** Undefined: not one of ours. */
export function decodeMark(bytes: Buffer): ReplayMark | undefined {
  let read: unknown;
  try {
    read = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  if (typeof read !== 'object' || read === null) return undefined;
  if (!('replay' in read && 'state' in read && 'offsets' in read && 'again' in read)) return undefined;
  const { replay, state, offsets, again } = read;
  if (typeof replay !== 'string' || typeof again !== 'boolean') return undefined;
  if (state !== 'begun' && state !== 'done' && state !== 'given_back') return undefined;
  return Array.isArray(offsets) && offsets.every(isRange) ? { replay, state, offsets, again } : undefined;
}
