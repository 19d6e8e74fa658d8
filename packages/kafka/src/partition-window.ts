/** One assigned partition: what was fetched, what is handed out, what is finished, what is committed. */
import type { ReusedMemory } from '@millrace/core';
import { decodeCompleted, encodeCompleted } from './completed-offsets.ts';
import type { PartitionStats } from './consumer-options.ts';
import type { FlowBudget, PartitionFlow } from './flow-budget.ts';
import { OffsetWindow, type Slot } from './offset-window.ts';
import type { RecordHeaders } from './record-headers.ts';
import type { RecordRun } from './wire/record-batch-decoder.ts';
import { waitingMemory } from './wire/wire-memory.ts';

/** A record that is handed out, copied out of the response so that it does not keep all of that in memory. */
export interface FetchedRecord {
  readonly slot: Slot;
  /** Turn of the flow budget; undefined: it counts no more there. */
  turn: number | undefined;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly bytes: Buffer;
  readonly headers: RecordHeaders;
}

/** What a group has committed for a partition. */
export interface Committed {
  readonly offset: number;
  readonly metadata: string;
}

export interface WindowLimits {
  readonly records: number;
  readonly bytes: number;
}

export interface WindowOptions {
  /** What a record is read into is used again once it is complete. */
  readonly reuse: boolean;
  /** Whether a record is handed out, by its encoded value; else it counts as finished. Default: all are. */
  readonly isWanted?: (value: Buffer) => boolean;
}

const empty = Buffer.alloc(0);

export class PartitionWindow {
  /** Without prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly #lost = new AbortController();
  readonly #window: OffsetWindow;
  readonly #finishedBefore: readonly (readonly [number, number])[];
  readonly #flow: PartitionFlow;
  readonly #budget: FlowBudget;
  readonly #memory: ReusedMemory | undefined;
  readonly #isWanted: WindowOptions['isWanted'];
  /** Fetched and not handed out. */
  readonly #runs: RecordRun[] = [];
  /** Where fetching goes on. */
  #position: number;
  #committed: Committed | undefined;
  #inFlight = 0;
  #inFlightBytes = 0;
  #highWatermark = 0;
  /** Position from which a batch was asked for again. */
  #askedAgainFrom = -1;
  /** Whether fetching is stopped because the window is full. */
  full = false;
  /** Something finished since the last commit. */
  dirty = false;
  /** Records are being handed out further up the stack. */
  handing = false;
  /** Nothing but the flow budget keeps back what is next. */
  #heldByFlow = false;

  constructor(
    topic: string,
    partition: number,
    committed: Committed | undefined,
    budget: FlowBudget,
    { reuse, isWanted }: WindowOptions,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.#committed = committed;
    this.#budget = budget;
    this.#flow = budget.open();
    this.#memory = reuse ? waitingMemory : undefined;
    this.#isWanted = isWanted;
    this.#position = committed?.offset ?? 0;
    this.#window = new OffsetWindow(this.#position);
    this.#finishedBefore =
      committed === undefined ? [] : decodeCompleted(committed.offset, committed.metadata);
    this.#highWatermark = committed?.offset ?? 0;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    let sum = 0;
    for (const run of this.#runs) sum += run.left;
    return sum;
  }

  /** Records are fetched, and it is worth handing out more. */
  get isHungry(): boolean {
    return this.#runs.length > 0 && (!this.#heldByFlow || this.#flow.isLow);
  }

  get committed(): Committed | undefined {
    return this.#committed;
  }

  /** Where fetching goes on. */
  get position(): number {
    return this.#position;
  }

  /** The partition went to another worker, or the log is another one: what is in flight no longer counts here. */
  lose(): void {
    for (const run of this.#runs.splice(0)) run.discard();
    this.#budget.close(this.#flow);
    this.#lost.abort();
  }

  /**
   * Whether a batch that begins there leaves out records that were never seen here, and is to be fetched again from
   * `position`: taking it would commit past them. Once for each position: where the answer is the same again, the log
   * has nothing in between.
   */
  leavesOut(firstOffset: number): boolean {
    if (firstOffset <= this.position || this.position === this.#askedAgainFrom) return false;
    this.#askedAgainFrom = this.position;
    return true;
  }

  /** Takes a fetched batch. False: the log ends before our position, it is not the log that was read before. */
  take(run: RecordRun, highWatermark: number): boolean {
    if (highWatermark < this.#position) return false;
    this.#highWatermark = highWatermark;
    while (run.nextOffset !== undefined && run.nextOffset < this.#position) run.skip();
    this.#runs.push(run);
    this.#position = Math.max(this.#position, run.lastOffset + 1);
    return true;
  }

  /** What of the batches is not handed out by now waits as copies: the responses may go. */
  keep(): void {
    this.#runs.at(-1)?.keep();
  }

  /** The next record to hand out, where the window and the flow of records have room for it. */
  next(limits: WindowLimits): FetchedRecord | undefined {
    this.#heldByFlow = false;
    for (let run = this.#runs[0]; run !== undefined; run = this.#runs[0]) {
      const offset = run.nextOffset;
      if (offset === undefined) {
        this.#runs.shift();
        this.#window.skipTo(run.lastOffset + 1);
      } else if (this.#isFinished(offset) || this.#isWanted?.(run.peekValue()) === false) {
        run.skip();
        this.#window.add(offset, true);
        this.dirty = true;
      } else {
        if (this.#inFlight >= limits.records) return undefined;
        if (this.#inFlight > 0 && this.#inFlightBytes + run.nextBytes > limits.bytes) return undefined;
        if (this.#flow.hasRoom) return this.#handOut(run, offset);
        this.#heldByFlow = true;
        this.#flow.paused();
        return undefined;
      }
    }
    return undefined;
  }

  #handOut(run: RecordRun, offset: number): FetchedRecord | undefined {
    const record = run.takeOwn(this.#memory);
    if (record === undefined) return undefined;
    const { timestamp, key, value, headers } = record;
    const bytes = value ?? empty;
    this.#inFlight += 1;
    this.#inFlightBytes += bytes.length;
    return { slot: this.#window.add(offset), turn: this.#flow.took(), timestamp, key, bytes, headers };
  }

  /** Whether this was the call that finished it. */
  complete(record: FetchedRecord): boolean {
    if (!this.#window.complete(record.slot)) return false;
    this.#inFlight -= 1;
    this.#inFlightBytes -= record.bytes.length;
    this.setAside(record);
    this.#memory?.giveBack(record.bytes);
    this.dirty = true;
    return true;
  }

  /** It is not on its way any more, finished or not. */
  setAside(record: FetchedRecord): void {
    if (record.turn === undefined) return;
    this.#flow.finished(record.turn);
    record.turn = undefined;
  }

  /** What is to be committed now: the lowest unfinished offset, and what is finished above it. */
  toCommit(): Committed {
    const offset = this.#window.watermark;
    return { offset, metadata: encodeCompleted(offset, this.#completedAbove()) };
  }

  committedTo(committed: Committed): void {
    this.#committed = committed;
  }

  stats(paused: boolean): PartitionStats {
    const watermark = this.#window.watermark;
    return {
      topic: this.topic,
      partition: this.partition,
      inFlight: this.#inFlight,
      queued: this.queued,
      bytes: this.#inFlightBytes + this.#runs.reduce((sum, run) => sum + run.bytesLeft, 0),
      watermark,
      lag: Math.max(0, this.#highWatermark - watermark),
      paused,
    };
  }

  /** What has finished here, and what had finished before of the records that have not been come to again. */
  *#completedAbove(): Generator<number> {
    yield* this.#window.completedAbove();
    for (const [from, to] of this.#finishedBefore)
      for (let offset = Math.max(from, this.#window.end); offset < to; offset += 1) yield offset;
  }

  #isFinished(offset: number): boolean {
    for (const [from, to] of this.#finishedBefore) if (offset >= from && offset < to) return true;
    return false;
  }
}
