/**
 * A token bucket kept as one number: the generic cell rate algorithm (ITU-T I.371). `fullAt` is when the bucket will be
 * full again, in µs; a token costs `intervalUs` of it. The Redis script of the delivery service does the same sums.
 */

export interface GcraLimit {
  /** µs between two tokens; may be fractional. */
  readonly intervalUs: number;
  /** Tokens of a full bucket, 1 or more. */
  readonly burst: number;
}

export interface GcraGrant {
  /** 0 to `want`. */
  readonly granted: number;
  /** The bucket afterwards. */
  readonly fullAt: number;
  /**
   * Until the first granted token may be used, µs; each further one an interval later. Negative where a burst is due
   * together. With nothing granted: until it is worth asking again.
   */
  readonly waitUs: number;
}

/** Absorbs the rounding of a sum of intervals: a token is not late by a rounding error. */
const roundingTokens = 1e-6;

/**
 * Takes up to `want` tokens. `aheadUs`: tokens that become free within this time are granted now, to be used one after
 * the other from `waitUs` on, one each interval. Never more than burst + T / intervalUs tokens come due in any time T.
 */
export const gcra = (
  fullAt: number,
  nowUs: number,
  limit: GcraLimit,
  want: number,
  aheadUs = 0,
): GcraGrant => {
  const { intervalUs, burst } = limit;
  // Differences first: a sum with µs since the epoch is rounded to a quarter of one.
  const owedUs = Math.max(fullAt - nowUs, 0);
  const free = Math.floor((burst * intervalUs + aheadUs - owedUs) / intervalUs + roundingTokens);
  const firstUs = owedUs + intervalUs - burst * intervalUs;
  if (free < 1) return { granted: 0, fullAt, waitUs: Math.max(1, Math.ceil(firstUs - aheadUs)) };
  const granted = Math.min(want, free);
  return {
    granted,
    fullAt: nowUs + (owedUs + granted * intervalUs),
    waitUs: Math.ceil(firstUs - roundingTokens * intervalUs) + 0,
  };
};

/** A bucket of which nothing is known: one token, and the burst only after a quiet time. */
export const unknownBucket = (nowUs: number, limit: GcraLimit): number =>
  nowUs + (limit.burst - 1) * limit.intervalUs;
