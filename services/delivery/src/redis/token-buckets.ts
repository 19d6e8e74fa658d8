/**
 * Rates that all workers keep together: one GCRA bucket in Redis for each, on the clock of Redis in µs.
 *
 * A call grants what is there and can be used at once, and what comes while the answer is on its way; each token is for a
 * moment of its own and is lost when it was not used soon after. What is not asked for stays in the bucket, up to a part of
 * the burst, so that a worker which stalls costs the lane nothing that another can use. Of the burst the rest is room for
 * tokens that are used late and for mails that arrive closer together than they left. With each answer comes when to ask
 * again: workers that wait take turns.
 * An idle bucket that Redis has forgotten begins with one token: what nobody remembers is not saved up.
 *
 * While Redis is away, and until all workers must have noticed that it is back, each keeps to its share: the rate
 * divided by the workers last known.
 */
import {
  gcra,
  type RateLimit,
  ServerClock,
  sharedRate,
  TokenTaker,
  tokensKey,
  turnKey,
  unknownBucket,
} from '@millrace/core';
import type { RedisPresence } from './redis-presence.ts';
import { inOnePiece, luaNowUs, numbers, type RedisClient, RedisScript } from './redis-script.ts';
import type { WorkerCensus } from './worker-census.ts';

/**
 * `takeTurn` of the core on the server's time. ARGV: interval µs, burst, want, enough, ahead µs, 1: without a burst, longest
 * ahead µs. Answers the granted tokens, µs to wait, µs until it is worth asking again and the time. The bucket is kept
 * for some time after it is full, else its burst would be forgotten with it.
 */
const grant = new RedisScript(`${luaNowUs}
local interval, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local enough, ahead = tonumber(ARGV[4]), tonumber(ARGV[5])
local now = now_us()
local unknown = now + (burst - 1) * interval
local full_at = tonumber(redis.call('GET', KEYS[1]) or unknown)
if ARGV[6] == '1' then full_at = math.max(full_at, unknown) end
-- More than that is owed only where the limit was another one.
local owed = math.min(math.max(full_at - now, 0), burst * interval + tonumber(ARGV[7]))
local free = math.floor((burst * interval + ahead - owed) / interval + 0.000001)
local first = owed + interval - burst * interval
local granted = math.max(0, math.min(want, free))
if granted > 0 then
  owed = owed + granted * interval
  redis.call('SET', KEYS[1], string.format('%.17g', now + owed), 'PX', math.ceil(owed / 1000) + 600000)
end
local again = owed + (enough - burst) * interval - ahead
if again > 0 then
  local turn = tonumber(redis.call('GET', KEYS[2]) or 0) - now + enough * interval
  if turn > again and turn <= again + (burst - 1) * interval then again = turn end
  redis.call('SET', KEYS[2], string.format('%.17g', now + again), 'PX', math.ceil(again / 1000) + 1000)
end
return {granted, math.ceil(first - 0.000001 * interval), math.max(0, math.ceil(again)), now}
`);

/** Tokens are never granted further ahead than this, µs. */
const longestAheadUs = 1_000_000;
/** While Redis is away and the share is not to be used, ms. */
const pausedMs = 500;
/** Buckets that nobody asked for so long are forgotten here, µs. */
const idleUs = 60_000_000;

interface Bucket {
  readonly taker: TokenTaker;
  asking: Promise<void> | undefined;
  /** How often its limit has changed. */
  changes: number;
  seenUs: number;
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
  readonly #clock = new ServerClock();
  readonly #buckets = new Map<string, Bucket>();
  #sweptUs: number;
  #lostBefore = 0;
  #calls = 0;
  #granted = 0;

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
    this.#nowUs = options.nowUs ?? (() => performance.now() * 1_000);
    this.#sweptUs = this.#nowUs();
  }

  /** Calls to Redis, tokens handed out, tokens that nobody took in time: since the start. */
  get stats(): { readonly calls: number; readonly granted: number; readonly lost: number } {
    let lost = this.#lostBefore;
    for (const { taker } of this.#buckets.values()) lost += taker.lost;
    return { calls: this.#calls, granted: this.#granted, lost };
  }

  /**
   * Takes up to `want` tokens to be used at once: ask when something is ready to go, not before. Never rejects.
   * @param bucket a lane, or what else has a rate; the same name and limit on all workers
   */
  async take(bucket: string, limit: RateLimit, want: number): Promise<TokenGrant> {
    const { presence } = this.#options;
    const at = this.#bucketOf(bucket);
    if (presence.state === 'away') return this.#takeShare(at, limit, want);
    if (presence.state === 'here') at.shareFullAt = undefined;
    // Until all workers are back, not more than the share either; then token by token.
    const gate = presence.state === 'returning' ? this.#shareOf(at, limit, 1) : undefined;
    if (gate !== undefined && gate.granted === 0) return { granted: 0, waitMs: toMs(gate.waitUs) };

    const wanted = gate === undefined ? want : 1;
    const { taker } = at;
    let granted = taker.take(this.#nowUs(), wanted);
    if (granted < wanted && taker.left === 0) {
      const asked = this.#ask(bucket, at, limit, wanted - granted, gate !== undefined);
      if (granted === 0) {
        await asked;
        granted = taker.take(this.#nowUs(), wanted);
      }
    }
    if (granted > 0) {
      if (gate !== undefined) at.shareFullAt = gate.fullAt;
      else if (taker.wantsRefill(this.#nowUs(), limit)) void this.#ask(bucket, at, limit, 1, false);
      this.#granted += granted;
      return { granted, waitMs: 0 };
    }
    if (this.#options.presence.state === 'away') return this.#takeShare(at, limit, want);
    const now = this.#nowUs();
    return { granted: 0, waitMs: toMs(taker.foundNone(now) - now) };
  }

  /**
   * A token will be wanted in a moment: where none is here one is asked for, in one piece with whatever else this turn of
   * the event loop asks of Redis.
   */
  foresee(bucket: string, limit: RateLimit): void {
    const at = this.#bucketOf(bucket);
    if (this.#options.presence.state !== 'here' || at.asking !== undefined || at.taker.left > 0) return;
    inOnePiece(this.#options.client);
    void this.#ask(bucket, at, limit, 1, false);
  }

  /** The limit is another one now: what was granted under the old one is not used, and nobody waits for it. */
  limitChanged(bucket: string): void {
    const at = this.#buckets.get(bucket);
    if (at === undefined) return;
    at.changes += 1;
    at.taker.clear();
    at.shareFullAt = undefined;
  }

  /** Tokens of the last call that were not used: the next one has them if it comes in time. */
  giveBack(bucket: string, tokens: number): void {
    const at = this.#buckets.get(bucket);
    if (at === undefined || tokens <= 0) return;
    this.#granted -= tokens;
    at.taker.giveBack(this.#nowUs(), tokens);
  }

  /** Asks Redis, once at a time for each bucket. */
  #ask(bucket: string, at: Bucket, limit: RateLimit, want: number, withoutBurst: boolean): Promise<void> {
    if (at.asking !== undefined) return at.asking;
    const { client, presence, keyPrefix } = this.#options;
    const askedUs = this.#nowUs();
    const request = at.taker.request(askedUs, limit, want);
    if (request === undefined) return Promise.resolve();
    const { intervalUs, burst } = sharedRate(limit);
    const { changes } = at;
    this.#calls += 1;
    const args = withoutBurst
      ? [intervalUs, burst, 1, 1, 0, 1, longestAheadUs]
      : [intervalUs, burst, request.want, request.enough, request.aheadUs, 0, longestAheadUs];
    const keys = [tokensKey(keyPrefix, bucket), turnKey(keyPrefix, bucket)];
    at.asking = presence.note(grant.run(client, keys, args)).then((result) => {
      at.asking = undefined;
      // What was granted under another limit is nobody's.
      if (result === undefined || changes !== at.changes) return;
      const [granted = 0, waitUs = 0, againUs = 0, serverUs = 0] = numbers(result);
      const readUs = this.#nowUs();
      this.#clock.sample(askedUs, serverUs, readUs);
      at.taker.answered(limit, {
        askedUs,
        readUs,
        granted,
        grantedUs: this.#clock.latest(serverUs),
        doubtUs: this.#clock.doubtUs,
        waitUs,
        againUs,
      });
    });
    return at.asking;
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
    const now = this.#nowUs();
    const inHand = at.taker.take(now, want);
    if (inHand > 0) {
      this.#granted += inHand;
      return { granted: inHand, waitMs: 0 };
    }
    if (this.#options.whenAway === 'pause') return { granted: 0, waitMs: pausedMs };
    const { granted, fullAt, waitUs } = this.#shareOf(at, limit, want);
    if (granted === 0) return { granted, waitMs: toMs(waitUs) };
    at.shareFullAt = fullAt;
    at.taker.used(now, granted);
    this.#granted += granted;
    return { granted, waitMs: 0 };
  }

  #bucketOf(name: string): Bucket {
    const now = this.#nowUs();
    if (now - this.#sweptUs > idleUs) this.#sweep(now);
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = {
        taker: new TokenTaker(now),
        asking: undefined,
        changes: 0,
        seenUs: now,
        shareFullAt: undefined,
      };
      this.#buckets.set(name, bucket);
    }
    bucket.seenUs = now;
    return bucket;
  }

  #sweep(now: number): void {
    this.#sweptUs = now;
    for (const [name, { taker, asking, seenUs, shareFullAt }] of this.#buckets) {
      if (asking !== undefined || taker.left > 0 || now - seenUs < idleUs || (shareFullAt ?? 0) >= now)
        continue;
      this.#lostBefore += taker.lost;
      this.#buckets.delete(name);
    }
  }
}

const toMs = (us: number): number => Math.max(1, Math.ceil(us / 1_000));
