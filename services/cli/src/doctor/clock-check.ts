/** Whether this machine's clock agrees with the others'. Deadlines, signatures and rate limits rest on it. */
import { formatMs } from '../duration.ts';
import { type Finding, failed, ok, skipped, warning } from './finding.ts';

const check = 'clock';

/** Somebody else's time. */
export interface ClockReading {
  /** Whose clock: `Redis`, `the registry`. */
  readonly of: string;
  /** Its time, ms since the epoch. */
  readonly theirs: number;
  /** Our time in the middle of the question, ms since the epoch. */
  readonly ours: number;
  /** What the reading cannot tell: half the round trip, and a second for an HTTP date. */
  readonly uncertaintyMs: number;
}

const noticeableMs = 1_000;
const harmfulMs = 10_000;

/** Judges the most exact reading. */
export function judgeClock(readings: readonly ClockReading[]): readonly Finding[] {
  const best = readings.toSorted((a, b) => a.uncertaintyMs - b.uncertaintyMs)[0];
  if (best === undefined) return [skipped(check, 'nobody answers whose time it could be compared with')];
  const offset = best.ours - best.theirs;
  const certain = Math.max(0, Math.abs(offset) - best.uncertaintyMs);
  const place = `${formatMs(Math.abs(offset))} ${offset > 0 ? 'ahead of' : 'behind'} ${best.of}`;
  const todo = 'Run an NTP client (chrony, systemd-timesyncd) on every machine.';
  if (certain > harmfulMs) return [failed(check, `this machine is ${place}`, todo)];
  if (certain > noticeableMs) return [warning(check, `this machine is ${place}`, todo)];
  return [
    ok(
      check,
      `agrees with ${best.of} within ${formatMs(Math.max(1, Math.abs(offset) + best.uncertaintyMs))}`,
    ),
  ];
}

/** Asks for somebody's time; undefined where the answer has none. `exactMs`: to what it is given. */
export async function readClock(
  of: string,
  exactMs: number,
  ask: () => Promise<number | undefined>,
  now: () => number = Date.now,
): Promise<ClockReading | undefined> {
  const before = now();
  const theirs = await ask();
  const after = now();
  if (theirs === undefined || Number.isNaN(theirs)) return undefined;
  // An HTTP date is cut to the second: its middle is the best guess.
  return {
    of,
    theirs: theirs + exactMs / 2,
    ours: (before + after) / 2,
    uncertaintyMs: (after - before) / 2 + exactMs / 2,
  };
}
