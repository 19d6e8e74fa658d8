/** When what an endpoint did not take is tried again. */

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

export interface WebhookSchedule {
  /** Waits within the process, after the first, second ... failure of a request. */
  readonly quickMs: readonly number[];
  /** Waits in delay tiers after that; the last one repeats. */
  readonly slowMs: readonly [number, ...number[]];
  /** From an event's coming into the endpoint's queue to its giving up, ms. */
  readonly maxAgeMs: number;
}

export const usualSchedule = (maxAgeMs: number): WebhookSchedule => ({
  quickMs: [second, 5 * second],
  slowMs: [10 * second, minute, 5 * minute, 15 * minute, hour, 3 * hour, 6 * hour, 12 * hour],
  maxAgeMs,
});

/** Share of a wait that is added or taken off at random, so that what failed together does not come back together. */
const jitter = 0.2;

const jittered = (waitMs: number, random: number): number =>
  Math.round(waitMs * (1 - jitter + 2 * jitter * random));

/** Wait before a request is repeated as it is, ms; undefined: it has been often enough. @param failures 1 or more @param random 0 to 1 */
export const quickWaitMs = (
  schedule: WebhookSchedule,
  failures: number,
  random: number,
): number | undefined => {
  const waitMs = schedule.quickMs[failures - 1];
  return waitMs === undefined ? undefined : jittered(waitMs, random);
};

/** Wait in delay tiers, ms; never beyond the event's end. @param delays waits of that kind before this one, from 0 */
export const slowWaitMs = (
  schedule: WebhookSchedule,
  delays: number,
  ageMs: number,
  random: number,
): number => {
  const { slowMs, maxAgeMs } = schedule;
  const waitMs = slowMs[Math.min(delays, slowMs.length - 1)] ?? slowMs[0];
  return Math.max(0, Math.min(jittered(waitMs, random), maxAgeMs - ageMs));
};

/**
 * Most events of a request, so that one event that an endpoint will not have is soon alone, and no other waits for it.
 * @param delays how often the event has waited in delay tiers
 */
export const batchLimit = (batchEvents: number, delays: number): number =>
  Math.max(1, Math.floor(batchEvents / 10 ** delays));
