/** When a deferred message is tried again: a first simple schedule, longer for what takes longer to pass. */
import type { ReplyCategory } from './classify-reply.ts';
import type { Stream } from './stream.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Waits after the first, second, ... attempt; the last one repeats. */
type Schedule = readonly [number, ...number[]];

const general: Readonly<Record<Stream, Schedule>> = {
  realtime: [10 * second, 30 * second, minute, 2 * minute, 5 * minute, 10 * minute],
  batch: [2 * minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour],
};

/** Greylisting lets through what comes again after some minutes (RFC 6647 5); sooner is not counted or starts anew. */
const greylisted: Readonly<Record<Stream, Schedule>> = {
  realtime: [minute, 2 * minute, 3 * minute, 5 * minute, 10 * minute],
  batch: [5 * minute, 5 * minute, 10 * minute, 30 * minute, hour, 2 * hour],
};

/** A provider that says "too fast" is left alone for longer than one that is busy. */
const slowedDown: Readonly<Record<Stream, Schedule>> = {
  realtime: [30 * second, minute, 2 * minute, 5 * minute, 10 * minute],
  batch: [10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour],
};

/** A person has to make room first. */
const full: Readonly<Record<Stream, Schedule>> = {
  realtime: [5 * minute, 15 * minute, 30 * minute, hour],
  batch: [hour, 2 * hour, 4 * hour],
};

const scheduleFor = (category: ReplyCategory): Readonly<Record<Stream, Schedule>> => {
  switch (category) {
    case 'greylisted':
      return greylisted;
    case 'rate_limited':
    case 'reputation':
    case 'ip_listed':
    case 'domain_listed':
    case 'spam_content':
      return slowedDown;
    case 'mailbox_full':
    case 'quota':
    case 'inactive':
      return full;
    default:
      return general;
  }
};

/** Share of a wait that is added or taken off at random, so that what failed together does not come back together. */
const jitter = 0.2;

/**
 * Wait before the next attempt, ms.
 * @param attempt attempts made so far, 1 or more
 * @param random 0 to 1
 * @param own schedule of the lane, ms; instead of the stream's, never sooner than greylisting or a full mailbox asks
 */
export const retryDelayMs = (
  attempt: number,
  stream: Stream,
  category: ReplyCategory,
  random: number,
  own: readonly number[] | null = null,
): number => {
  const schedule = scheduleFor(category)[stream];
  const step = (waits: readonly number[]): number =>
    waits[Math.min(attempt, waits.length) - 1] ?? waits[0] ?? 0;
  let waitMs = step(schedule);
  if (own !== null && own.length > 0) {
    waitMs = schedule === general[stream] ? step(own) : Math.max(step(own), waitMs);
  }
  // Greylisting counts from the first try: earlier than its schedule is a try for nothing.
  const factor = category === 'greylisted' ? 1 + jitter * random : 1 - jitter + 2 * jitter * random;
  return Math.round(waitMs * factor);
};
