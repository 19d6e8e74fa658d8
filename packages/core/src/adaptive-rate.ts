/**
 * Finds how fast a provider takes mail on one lane: it raises the rate until it is refused, then goes up from what went well
 * for two minutes, because many limits are counted over minutes, to the middle of the gap to what was refused, and not too
 * far at once: a step too few costs two minutes, a refusal the provider's trust. It settles on what went well.
 */

export interface AdaptiveRate {
  /** Mails a second that it stands at. */
  readonly perSecond: number;
  /** Most that went well for two minutes, mails a second; 0: nothing yet. */
  readonly proven: number;
  /** Least that was refused, mails a second; null: it has never been. */
  readonly ceiling: number | null;
  /** It was refused, and nothing has been taken since: only a trickle goes, to see when that ends. */
  readonly waiting: boolean;
  /** Since when it stands there and is used, ms since the epoch. */
  readonly changedAt: number;
  /** When a refusal last taught it something, ms since the epoch. */
  readonly learnedAt: number;
  /** How long it stays settled before it tries to raise its ceiling, ms. */
  readonly probeAfterMs: number;
}

/** What is known of a lane whoever probes it, and whenever. */
export type FoundRate = Pick<AdaptiveRate, 'perSecond' | 'proven' | 'ceiling' | 'waiting' | 'probeAfterMs'>;

/** What was answered on the lane since the last step. */
export interface AnswersSeen {
  readonly taken: number;
  /** Refused as too fast. */
  readonly refused: number;
  /** Length of the step, ms. */
  readonly spanMs: number;
  /** Taken within the last minute. */
  readonly takenLastMinute: number;
}

const growEveryMs = 5_000;
const seekFactor = 1.1;
/** Any calendar minute, and some seconds for the answers to become known. */
const provenAfterMs = 130_000;
/** Refusals that become known so soon after the first may be of mails that left before the rate changed. */
const lateAnswersMs = 10_000;
/** After a refusal at a rate of which nothing is known: what was taken may be more than fits into the provider's minute. */
const afterRefusal = 0.85;
/** A gap of less than this share of the ceiling is not halved any more. */
const settledShare = 0.05;
/** The most that it goes up from what went well. */
const longestStep = 1.2;
const probeFactor = 1.05;
const firstProbeMs = 600_000;
const longestProbeMs = 6 * 3_600_000;
/** Below this share of its rate the lane had too little mail to show anything. */
const usedShare = 0.7;
/** Below this share of it in the last minute, that minute does not count as one that went well. */
const provenShare = 0.9;
const minuteMs = 60_000;
/** While it waits: often enough to notice the end of that within seconds, and no mails for nothing. */
const trickle = 1 / 5;
const slowest = 1 / 60;

/** Where a lane starts of which nothing is known. */
export const startingRate = (now: number): AdaptiveRate => ({
  perSecond: 1,
  proven: 0,
  ceiling: null,
  waiting: false,
  changedAt: now,
  learnedAt: Number.NEGATIVE_INFINITY,
  probeAfterMs: firstProbeMs,
});

export const foundRate = ({
  perSecond,
  proven,
  ceiling,
  waiting,
  probeAfterMs,
}: AdaptiveRate): FoundRate => ({ perSecond, proven, ceiling, waiting, probeAfterMs });

/** Goes on from what was found before. `now`: ms since the epoch. */
export const resumedRate = (found: FoundRate, now: number): AdaptiveRate => ({
  ...startingRate(now),
  ...found,
});

/** What the lane may have now, mails a second: while it waits, a tenth, and no more than one in five seconds. */
export const allowedPerSecond = ({ perSecond, waiting }: AdaptiveRate): number =>
  Math.max(slowest, waiting ? Math.min(perSecond / 10, trickle) : perSecond);

const refusedAt = (rate: AdaptiveRate, takenLastMinute: number, now: number): AdaptiveRate => {
  const { perSecond, proven, ceiling, probeAfterMs } = rate;
  // Never down to less than half: a lane that has just begun has taken little in the last minute.
  const found = Math.max(perSecond / 2, Math.min(perSecond, takenLastMinute / 60)) * afterRefusal;
  // What went well before does so no more: the provider takes less than it did.
  const stillProven = proven < perSecond ? proven : 0;
  return {
    perSecond: Math.max(slowest, stillProven > 0 ? stillProven : found),
    proven: stillProven,
    ceiling: Math.min(perSecond, ceiling ?? perSecond),
    waiting: true,
    changedAt: now,
    learnedAt: now,
    probeAfterMs: ceiling === null ? probeAfterMs : Math.min(longestProbeMs, probeAfterMs * 2),
  };
};

/** The rate after the answers of a step that ended at `now`. */
export const nextRate = (rate: AdaptiveRate, seen: AnswersSeen, now: number): AdaptiveRate => {
  const { perSecond, ceiling, waiting, changedAt, learnedAt, probeAfterMs } = rate;
  if (seen.refused > 0) {
    if (waiting) return rate;
    if (now - learnedAt < lateAnswersMs) return { ...rate, waiting: true, changedAt: now };
    return refusedAt(rate, seen.takenLastMinute, now);
  }
  if (waiting) return seen.taken > 0 ? { ...rate, waiting: false, changedAt: now } : rate;
  const used = seen.taken >= usedShare * perSecond * (seen.spanMs / 1_000);
  const heldMs = now - changedAt;
  if (!used || heldMs < growEveryMs) return rate;
  if (ceiling === null) return { ...rate, perSecond: perSecond * seekFactor, changedAt: now };
  // With less mail than it may have, or on a busy machine, nothing is proven: the last minute has to be lived again.
  if (heldMs > minuteMs && seen.takenLastMinute < provenShare * perSecond * (minuteMs / 1_000))
    return { ...rate, changedAt: now - minuteMs };
  if (heldMs < provenAfterMs) return rate;
  const proven = { ...rate, proven: perSecond };
  if (ceiling - perSecond > settledShare * ceiling)
    return {
      ...proven,
      perSecond: Math.min((perSecond + ceiling) / 2, perSecond * longestStep),
      changedAt: now,
    };
  return heldMs < probeAfterMs ? proven : { ...proven, ceiling: ceiling * probeFactor };
};
