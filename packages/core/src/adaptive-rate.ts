/**
 * Finds how fast a provider takes mail on one lane: additive increase, multiplicative decrease (RFC 5681's idea), with what
 * was really taken in the last minute as the measure, because many limits are counted over minutes.
 */

export interface AdaptiveRate {
  /** Mails a second that it stands at. */
  readonly perSecond: number;
  /** What was taken when it was last refused, mails a second; null: it has never been. */
  readonly ceiling: number | null;
  /** It was refused, and nothing has been taken since: only a trickle goes, to see when that ends. */
  readonly waiting: boolean;
  /** When it last changed, ms since the epoch. */
  readonly changedAt: number;
  /** How long it stays under its ceiling before it tries to raise it, ms. */
  readonly probeAfterMs: number;
}

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
const underCeiling = 0.97;
const afterRefusal = 0.95;
const creep = 0.01;
const probeFactor = 1.05;
const firstProbeMs = 60_000;
const longestProbeMs = 3_600_000;
/** Below this share of its rate the lane had too little mail to show anything. */
const usedShare = 0.7;
const slowest = 1 / 60;

/** Where a lane starts of which nothing is known. */
export const startingRate = (now: number): AdaptiveRate => ({
  perSecond: 1,
  ceiling: null,
  waiting: false,
  changedAt: now,
  probeAfterMs: firstProbeMs,
});

/** What the lane may have now, mails a second: while it waits, a tenth. */
export const allowedPerSecond = ({ perSecond, waiting }: AdaptiveRate): number =>
  Math.max(slowest, waiting ? perSecond / 10 : perSecond);

/** The rate after the answers of a step that ended at `now`. */
export const nextRate = (rate: AdaptiveRate, seen: AnswersSeen, now: number): AdaptiveRate => {
  const { perSecond, ceiling, waiting, changedAt, probeAfterMs } = rate;
  if (seen.refused > 0) {
    if (waiting) return rate;
    // Never down to less than half: a lane that has just begun has taken little in the last minute.
    const found = Math.max(perSecond / 2, Math.min(perSecond, seen.takenLastMinute / 60));
    return {
      perSecond: Math.max(slowest, found * afterRefusal),
      ceiling: found,
      waiting: true,
      changedAt: now,
      probeAfterMs: ceiling === null ? probeAfterMs : Math.min(longestProbeMs, probeAfterMs * 2),
    };
  }
  if (waiting) return seen.taken > 0 ? { ...rate, waiting: false, changedAt: now } : rate;
  const used = seen.taken >= usedShare * perSecond * (seen.spanMs / 1_000);
  if (!used || now - changedAt < growEveryMs) return rate;
  if (ceiling === null) return { ...rate, perSecond: perSecond * seekFactor, changedAt: now };
  const top = ceiling * underCeiling;
  if (perSecond < top)
    return { ...rate, perSecond: Math.min(top, perSecond + creep * ceiling), changedAt: now };
  return now - changedAt < probeAfterMs ? rate : { ...rate, ceiling: ceiling * probeFactor, changedAt: now };
};
