/** A lane whose connections fail one after the other is held; then one connection probes, and each failure doubles the wait. */
import type { Stream } from './stream.ts';

/** What is known of a lane's connections. */
export interface ConnectionHold {
  /** Failures since the last connection that came about. */
  readonly failures: number;
  /** Nothing is opened before, ms since the epoch; 0: it is not held. From then on one connection probes. */
  readonly until: number;
  /** Length of the present hold, ms; 0: it is not held. */
  readonly waitMs: number;
}

export const notHeld: ConnectionHold = { failures: 0, until: 0, waitMs: 0 };

const waits: Readonly<Record<Stream, { readonly firstMs: number; readonly longestMs: number }>> = {
  realtime: { firstMs: 5_000, longestMs: 120_000 },
  batch: { firstMs: 30_000, longestMs: 1_800_000 },
};

/**
 * After one more failure.
 * @param most failures in a row after which the lane is held
 * @param now ms since the epoch
 */
export const afterFailure = (
  hold: ConnectionHold,
  stream: Stream,
  most: number,
  now: number,
): ConnectionHold => {
  const failures = hold.failures + 1;
  // Of connections that were begun before the hold: they say nothing new.
  if (failures < most || now < hold.until) return { ...hold, failures };
  const { firstMs, longestMs } = waits[stream];
  const waitMs = hold.waitMs === 0 ? firstMs : Math.min(longestMs, hold.waitMs * 2);
  return { failures, until: now + waitMs, waitMs };
};

/** Connections that it may have open or being opened at `now`. `limit`: those of a lane that is not held. */
export const connectionsUnder = ({ until, waitMs }: ConnectionHold, limit: number, now: number): number => {
  if (waitMs === 0) return limit;
  return now < until ? 0 : 1;
};
