/**
 * Rates that all workers keep together: one GCRA bucket in Redis for each, on the clock of Redis in µs.
 *
 * One call grants up to a tenth of a second's tokens, also such as become free a little later; each is handed out when
 * its time has come, and lost when it was not taken soon after. A quarter of the burst is what the bucket in Redis grants
 * at once, the rest is room for that delay, so that no second sees more than the rate and the burst.
 * An idle bucket that Redis has forgotten begins with one token: what nobody remembers is not saved up.
 *
 * While Redis is away, and until all workers must have noticed that it is back, each keeps to its share: the rate
 * divided by the workers last known.
 */
import { gcra, type RateLimit, sharedRate, tokensKey, unknownBucket } from '@millrace/core';
import type { RedisPresence } from './redis-presence.ts';
import { inOnePiece, luaNowUs, numbers, type RedisClient, RedisScript } from './redis-script.ts';
import type { WorkerCensus } from './worker-census.ts';

/**
 * `gcra` of the core on the server's time. ARGV: interval µs, burst, want, ahead µs, 1: without a burst, longest ahead µs.
 * Answers the granted tokens and µs to wait, as `gcra` does. The bucket is kept for some time after it is full, else
 * its burst would be forgotten with it.
 */
const grant = new RedisScript(`${luaNowUs}
local interval, burst, want, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_us()
local unknown = now + (burst - 1) * interval
local full_at = tonumber(redis.call('GET', KEYS[1]) or unknown)
if ARGV[5] == '1' then full_at = math.max(full_at, unknown) end
-- More than that is owed only where the limit was another one.
local owed = math.min(math.max(full_at - now, 0), burst * interval + tonumber(ARGV[6]))
local free = math.floor((burst * interval + ahead - owed) / interval + 0.000001)
local first = owed + interval - burst * interval
if free < 1 then return {0, math.max(1, math.ceil(first - ahead))} end
local granted = math.min(want, free)
owed = owed + granted * interval
redis.call('SET', KEYS[1], string.format('%.17g', now + owed), 'PX', math.ceil(owed / 1000) + 600000)
return {granted, math.ceil(first - 0.000001 * interval)}
`);

/** Tokens of so long a time are asked for at once, s. */
const batchSeconds = 0.1;
/** Tokens are granted that become free within this, µs: workers queue up instead of asking again and again. */
const aheadUs = 1_000_000;
/** Of the consumption estimate, s. */
const demandSeconds = 0.5;
/** For so long after a call went empty tokens count as short, µs. */
const shortMemoryUs = 200_000;
/** While Redis is away and the share is not to be used, ms. */
const pausedMs = 500;
/** Buckets that nobody asked for so long are forgotten here, µs. */
const idleUs = 60_000_000;

/** Granted tokens, one due each interval. */
interface Batch {
  dueUs: number;
  left: number;
  /** Those of a burst were due before they came. */
  readonly cameUs: number;
  readonly intervalUs: number;
  readonly delayUs: number;
}

interface Bucket {
  readonly batches: Batch[];
  asking: Promise<void> | undefined;
  /** Nothing before this, µs: what Redis said. */
  notBeforeUs: number;
  /** Tokens a second, lately. */
  demand: number;
  seenUs: number;
  /** When a call last went empty, µs. */
  shortUs: number;
  /** Until when what was taken last may be used, µs. */
  takenUntilUs: number;
  /** The share's own bucket; undefined: not begun. */
  shareFullAt: number | undefined;
}

export interface TokenGrant {
  /** Tokens to be used now, 0 to what was wanted. */
  readonly granted: number;
  /** With none granted: when to ask again. */
  readonly waitMs: number;
}

export interface TokenBucketsOptions {
  readonly client: RedisClient;
  readonly presence: RedisPresence;
  readonly census: Pick<WorkerCensus, 'workers' | 'rank'>;
  readonly keyPrefix: string;
  /** While Redis is away: go on with the share (realtime), or pause (batch). */
  readonly whenAway: 'share' | 'pause';
  /** A clock that never goes back, µs. */
  readonly nowUs?: () => number;
}

export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #nowUs: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #sweptUs: number;
  /** Calls to Redis, tokens handed out, tokens that nobody took in time: since the start. */
  readonly stats = { calls: 0, granted: 0, lost: 0 };

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
    this.#nowUs = options.nowUs ?? (() => performance.now() * 1_000);
    this.#sweptUs = this.#nowUs();
  }

  /**
   * Takes up to `want` tokens to be used at once: ask when something is ready to go, not before. Never rejects.
   * @param bucket a lane, or what else has a rate; the same name and limit on all workers
   */
  async take(bucket: string, limit: RateLimit, want: number): Promise<TokenGrant> {
    const state = this.#options.presence.state;
    const at = this.#bucketOf(bucket);
    if (state === 'away') return this.#takeShare(at, limit, want);
    if (state === 'here') at.shareFullAt = undefined;
    // Until all workers are back, not more than the share either; then token by token.
    const gate = state === 'returning' ? this.#shareOf(at, limit, 1) : undefined;
    if (gate !== undefined && gate.granted === 0) return { granted: 0, waitMs: toMs(gate.waitUs) };

    const wanted = gate === undefined ? want : 1;
    let granted = this.#fromBatches(at, wanted);
    if (granted < wanted && !this.#hasMore(at)) {
      const asked = this.#ask(bucket, at, limit, wanted - granted, gate !== undefined);
      if (granted === 0) {
        await asked;
        granted = this.#fromBatches(at, wanted);
      }
    }
    if (granted > 0) {
      if (gate !== undefined) at.shareFullAt = gate.fullAt;
      this.#used(at, granted);
      if (gate === undefined) this.#refill(bucket, at, limit);
      return { granted, waitMs: 0 };
    }
    if (this.#options.presence.state === 'away') return this.#takeShare(at, limit, want);
    at.shortUs = this.#nowUs();
    const dueUs = at.batches[0]?.dueUs ?? at.notBeforeUs;
    return { granted: 0, waitMs: toMs(dueUs - this.#nowUs()) };
  }

  /**
   * A token will be wanted in a moment: where none is here one is asked for, in one piece with whatever else this turn of
   * the event loop asks of Redis.
   */
  foresee(bucket: string, limit: RateLimit): void {
    const at = this.#bucketOf(bucket);
    if (this.#options.presence.state !== 'here' || at.asking !== undefined || this.#hasMore(at)) return;
    inOnePiece(this.#options.client);
    void this.#ask(bucket, at, limit, 1, false);
  }

  /** The limit is another one now: what was granted under the old one is not used, and nobody waits for it. */
  limitChanged(bucket: string): void {
    const at = this.#buckets.get(bucket);
    if (at === undefined) return;
    for (const batch of at.batches.splice(0)) this.stats.lost += batch.left;
    at.notBeforeUs = 0;
    at.shareFullAt = undefined;
  }

  /** Tokens of the last call that were not used: the next one has them if it comes in time. */
  giveBack(bucket: string, tokens: number): void {
    const at = this.#buckets.get(bucket);
    if (at === undefined || tokens <= 0) return;
    const cameUs = this.#nowUs();
    this.stats.granted -= tokens;
    // All due, and no longer good than they were.
    at.batches.unshift({
      dueUs: cameUs - 1,
      left: tokens,
      cameUs,
      intervalUs: 1 / tokens,
      delayUs: at.takenUntilUs - cameUs,
    });
  }

  /** Asks Redis, once at a time for each bucket. */
  #ask(bucket: string, at: Bucket, limit: RateLimit, want: number, withoutBurst: boolean): Promise<void> {
    if (at.asking !== undefined) return at.asking;
    if (this.#nowUs() < at.notBeforeUs) return Promise.resolve();
    const { intervalUs, burst, delayUs } = sharedRate(limit);
    const mostAtOnce = Math.max(1, Math.floor(limit.perSecond * batchSeconds));
    const size = withoutBurst ? 1 : Math.min(mostAtOnce, Math.max(1, want, this.#usable(at, limit)));
    const { client, presence, keyPrefix } = this.#options;
    this.stats.calls += 1;
    const key = tokensKey(keyPrefix, bucket);
    const args = [intervalUs, burst, size, withoutBurst ? 0 : aheadUs, withoutBurst ? 1 : 0, aheadUs];
    const askedUs = this.#nowUs();
    at.asking = presence.note(grant.run(client, [key], args)).then((result) => {
      at.asking = undefined;
      if (result === undefined) return;
      const [granted = 0, waitUs = 0] = numbers(result);
      const cameUs = this.#nowUs();
      const dueUs = cameUs + waitUs;
      // What the answer took to come is part of the delay: Redis decided somewhere in between.
      const roomUs = delayUs - (cameUs - askedUs);
      if (granted > 0) at.batches.push({ dueUs, left: granted, cameUs, intervalUs, delayUs: roomUs });
      else at.notBeforeUs = dueUs;
    });
    return at.asking;
  }

  /**
   * Tokens of one call that will be used: what is asked for in a tenth of a second while tokens are short, when each goes
   * as it comes due; else no more than go before the last of them is too old.
   */
  #usable(at: Bucket, limit: RateLimit): number {
    if (this.#nowUs() - at.shortUs < shortMemoryUs) return Math.floor(at.demand * batchSeconds);
    const delaySeconds = sharedRate(limit).delayUs / 1_000_000;
    const spare = Math.max(0.01, 1 - at.demand / limit.perSecond);
    return Math.floor((0.7 * at.demand * delaySeconds) / spare);
  }

  /** While tokens go fast the next ones are asked for before the last is gone. */
  #refill(bucket: string, at: Bucket, limit: RateLimit): void {
    const left = at.batches.reduce((sum, batch) => sum + batch.left, 0);
    const usable = this.#usable(at, limit);
    if (usable < 2 || left > usable / 3) return;
    void this.#ask(bucket, at, limit, 1, false);
  }

  #fromBatches(at: Bucket, want: number): number {
    const now = this.#nowUs();
    let taken = 0;
    for (let batch = at.batches[0]; batch !== undefined && taken < want; batch = at.batches[0]) {
      if (now > batch.cameUs + batch.delayUs) {
        const late = Math.ceil((now - batch.delayUs - batch.dueUs) / batch.intervalUs);
        if (late > 0) this.#drop(batch, Math.min(late, batch.left));
      }
      const due = Math.min(batch.left, Math.floor((now - batch.dueUs) / batch.intervalUs) + 1);
      if (due > 0) {
        const take = Math.min(due, want - taken);
        const untilUs = Math.max(batch.dueUs, batch.cameUs) + batch.delayUs;
        at.takenUntilUs = taken === 0 ? untilUs : Math.min(untilUs, at.takenUntilUs);
        taken += take;
        batch.left -= take;
        batch.dueUs += take * batch.intervalUs;
      }
      if (batch.left > 0) break;
      at.batches.shift();
    }
    return taken;
  }

  #drop(batch: Batch, tokens: number): void {
    batch.left -= tokens;
    batch.dueUs += tokens * batch.intervalUs;
    this.stats.lost += tokens;
  }

  #hasMore(at: Bucket): boolean {
    return at.batches.some(({ left }) => left > 0);
  }

  #used(at: Bucket, tokens: number): void {
    const now = this.#nowUs();
    const elapsed = Math.max(0, now - at.seenUs) / 1_000_000;
    at.demand = at.demand * Math.exp(-elapsed / demandSeconds) + tokens / demandSeconds;
    at.seenUs = now;
    this.stats.granted += tokens;
  }

  #shareOf(at: Bucket, limit: RateLimit, want: number) {
    const { workers, rank } = this.#options.census;
    const { intervalUs, burst } = sharedRate(limit);
    const share = { intervalUs: intervalUs * workers, burst: Math.max(1, Math.floor(burst / workers)) };
    const now = this.#nowUs();
    // Begins empty, and not all workers in the same moment.
    at.shareFullAt ??= unknownBucket(now, share) + intervalUs * (rank + 1);
    return gcra(at.shareFullAt, now, share, want);
  }

  #takeShare(at: Bucket, limit: RateLimit, want: number): TokenGrant {
    const inHand = this.#fromBatches(at, want);
    if (inHand > 0) {
      this.#used(at, inHand);
      return { granted: inHand, waitMs: 0 };
    }
    if (this.#options.whenAway === 'pause') return { granted: 0, waitMs: pausedMs };
    const { granted, fullAt, waitUs } = this.#shareOf(at, limit, want);
    if (granted === 0) return { granted, waitMs: toMs(waitUs) };
    at.shareFullAt = fullAt;
    at.takenUntilUs = this.#nowUs() + sharedRate(limit).delayUs;
    this.#used(at, granted);
    return { granted, waitMs: 0 };
  }

  #bucketOf(name: string): Bucket {
    const now = this.#nowUs();
    if (now - this.#sweptUs > idleUs) this.#sweep(now);
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = {
        batches: [],
        asking: undefined,
        notBeforeUs: 0,
        demand: 0,
        seenUs: now,
        shortUs: Number.NEGATIVE_INFINITY,
        takenUntilUs: now,
        shareFullAt: undefined,
      };
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #sweep(now: number): void {
    this.#sweptUs = now;
    for (const [name, bucket] of this.#buckets) {
      const isIdle = bucket.asking === undefined && !this.#hasMore(bucket) && bucket.notBeforeUs < now;
      if (isIdle && now - bucket.seenUs > idleUs && (bucket.shareFullAt ?? 0) < now)
        this.#buckets.delete(name);
    }
  }
}

const toMs = (us: number): number => Math.max(1, Math.ceil(us / 1_000));
