/**
 * Which delay tier a record that is not due yet waits in.
 *
 * In one tier every record waits equally long, so that the order of offsets is the order of due times and one paused
 * partition is a timer. A wait that is no tier's own hops: the largest tier that fits into what remains, and again
 * from there. What remains below the shortest tier waits in that tier too, and leaves it when it is due: only there
 * may a record be due before one that stands in front of it. The scheduler looks at a whole window of that tier at
 * once, so precision is some milliseconds while the records in front fit into the window, and the shortest tier's
 * wait at worst. No record is early by more than `earlyToleranceMs`.
 */
import { type DelayTier, delayTiers } from './topics.ts';

/** A record this close to its due time is due: less than a hop through Kafka costs. */
export const earlyToleranceMs = 20;

/** The tier for a record that is due at `dueAt`, ms since the epoch; undefined: it is due. */
export function delayHop(dueAt: number, now: number): DelayTier | undefined {
  const remainingMs = dueAt - now;
  if (!(remainingMs > earlyToleranceMs)) return undefined;
  let fitting = delayTiers[0];
  for (const tier of delayTiers) if (tier.waitMs <= remainingMs) fitting = tier;
  return fitting;
}

/** When a record that entered `tier` at `enqueuedAt` leaves it: after the tier's wait, or at its due time when that is sooner. */
export const releaseAt = (tier: DelayTier, enqueuedAt: number, dueAt: number): number =>
  Math.min(dueAt, enqueuedAt + tier.waitMs);
