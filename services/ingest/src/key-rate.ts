/**
 * Messages a second of each API key, over all ingest processes: a GCRA bucket in Redis, asked for a handful of tokens
 * at a time. While Redis is away every process goes on with its share of the rate: the rate divided by the processes
 * that were last seen.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from './keyring.ts';
import { ProblemError } from './problem.ts';
import { type RedisCommands, RedisScript } from './redis-scripts.ts';

/**
 * ARGV: interval of one message in µs, burst, needed, wanted. Answers {granted, µs to wait}. A request above the burst
 * is granted when the bucket is full, and paid for by those after it.
 */
const grant = new RedisScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, needed, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local available = math.floor((burst * interval - (free - now)) / interval)
local threshold = math.min(needed, burst)
if available < threshold then
  return {0, math.ceil(free + threshold * interval - burst * interval - now)}
end
local granted = math.max(needed, math.min(wanted, available))
free = free + granted * interval
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', math.ceil((free - now) / 1000) + 1000)
return {granted, 0}
`);

/** Tokens that were granted and not used go stale after this, ms: a rate is not saved up in a process. */
const staleMs = 1_000;

interface Credit {
  tokens: number;
  until: number;
  /** ms since the epoch at which the bucket kept here is full again; only used without Redis. */
  localFree: number;
}

export interface KeyRateOptions {
  readonly redis: RedisCommands;
  readonly keyPrefix: string;
  /** Ingest processes that share the rates, this one included. */
  readonly processes: () => number;
  readonly onUnavailable: (error: unknown) => void;
}

export class KeyRate {
  readonly #options: KeyRateOptions;
  readonly #credits = new Map<string, Credit>();
  /** The last in the queue of each key. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: KeyRateOptions) {
    this.#options = options;
  }

  /** Takes the tokens for `messages`; throws the 429 problem when there are not enough. */
  async takeOrRefuse(caller: Caller, messages: number): Promise<void> {
    const waitMs = await this.take(caller, messages);
    if (waitMs === 0) return;
    const perSecond = caller.rate?.perSecond ?? 0;
    throw new ProblemError(
      'rate-limited',
      `The key ${caller.keyId} may send ${perSecond} messages a second`,
      {
        retryAfterMs: waitMs,
      },
    );
  }

  /** Waits until there are tokens for `messages`, in the order of the calls, or until `signal` aborts. */
  async takeOrWait(caller: Caller, messages: number, signal: AbortSignal): Promise<void> {
    if (caller.rate === undefined) return;
    const turn = (this.#turns.get(caller.keyId) ?? Promise.resolve()).then(() =>
      this.#waitForTokens(caller, messages, signal),
    );
    this.#turns.set(caller.keyId, turn);
    await turn;
  }

  /** 0: granted; else after how many ms to ask again. */
  async take(caller: Caller, messages: number): Promise<number> {
    const { rate, keyId } = caller;
    if (rate === undefined) return 0;
    const now = Date.now();
    const credit = this.#creditOf(keyId, now);
    if (credit.tokens >= messages) {
      credit.tokens -= messages;
      return 0;
    }
    // Held while Redis is asked, so that a call at the same time does not count on it too.
    const held = credit.tokens;
    credit.tokens = 0;
    const needed = messages - held;
    const spare = Math.floor(Math.min(rate.perSecond / 20, rate.burst / 4));
    const reply = await grant
      .run(this.#options.redis, `${this.#options.keyPrefix}key-rate:${keyId}`, [
        1_000_000 / rate.perSecond,
        rate.burst,
        needed,
        needed + spare,
      ])
      .catch((error: unknown) => {
        this.#options.onUnavailable(error);
        return undefined;
      });
    if (reply === undefined) return this.#takeLocally(credit, rate, messages, now);
    const [granted = 0, waitUs = 0] = reply.map(Number);
    if (granted < needed) {
      credit.tokens += held;
      return Math.max(1, Math.ceil(waitUs / 1_000));
    }
    credit.tokens += granted - needed;
    credit.until = now + staleMs;
    return 0;
  }

  async #waitForTokens(caller: Caller, messages: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.take(caller, messages);
      if (waitMs === 0) return;
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #takeLocally(credit: Credit, rate: NonNullable<Caller['rate']>, messages: number, now: number): number {
    const share = Math.max(1, this.#options.processes());
    const intervalMs = (1_000 * share) / rate.perSecond;
    const burst = Math.max(1, rate.burst / share);
    const free = Math.max(credit.localFree, now);
    const waitMs = free + Math.min(messages, burst) * intervalMs - burst * intervalMs - now;
    if (waitMs > 0) return Math.ceil(waitMs);
    credit.localFree = free + messages * intervalMs;
    return 0;
  }

  #creditOf(keyId: string, now: number): Credit {
    const known = this.#credits.get(keyId);
    if (known === undefined) {
      const credit = { tokens: 0, until: 0, localFree: 0 };
      this.#credits.set(keyId, credit);
      return credit;
    }
    if (known.until < now) known.tokens = 0;
    return known;
  }
}
