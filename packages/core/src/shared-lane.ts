/** What all workers keep of a lane in Redis: where it is, and how much of a rate's burst is granted there. */
import type { GcraLimit } from './gcra.ts';
import type { RateLimit } from './shaping.ts';

/** A rate's bucket: µs since the epoch when it will be full. `bucket`: a lane, or what else has a rate. */
export const tokensKey = (prefix: string, bucket: string): string => `${prefix}tokens:{${bucket}}`;

/** Beside a bucket: when the last of those who wait for its tokens was told to come again, µs since the epoch. */
export const turnKey = (prefix: string, bucket: string): string => `${prefix}turn:{${bucket}}`;

/** The bucket of a lane's new connections. */
export const connectionsBucket = (lane: string): string => `${lane}/connections`;

/**
 * Sorted sets of a lane: `leases` are its connections by when they expire, `waiting` workers by their turn, `seen` by when
 * they last asked; ms since the epoch.
 */
export const leaseKey = (prefix: string, set: 'leases' | 'waiting' | 'seen', lane: string): string =>
  `${prefix}${set}:{${lane}}`;

/** A token is good for so long after its time at most, µs, whatever room the burst leaves. */
const longestDelayUs = 250_000;
/** Share of a rate that is used: mails may arrive closer together than they left, and no two clocks run alike. */
const used = 0.995;

/**
 * A rate as the shared bucket has it. Of the burst two fifths may be saved up in the bucket, a fifth is room for tokens
 * that are used a little after their time, and what is left is room for mails that arrive closer together than they left.
 */
export const sharedRate = ({
  perSecond,
  burst,
}: RateLimit): GcraLimit & {
  /** How long after its time a token may be used, µs. */
  readonly delayUs: number;
} => {
  const intervalUs = 1_000_000 / (perSecond * used);
  const saved = Math.max(1, Math.floor(burst * 0.4));
  // Less than an interval of delay is free: it lets no further token into any time.
  const delayUs = Math.max(intervalUs / 2, Math.min(longestDelayUs, burst * 0.2 * intervalUs));
  return { intervalUs, burst: saved, delayUs };
};
