/**
 * Requests that may be repeated. Redis remembers for each (tenant, Idempotency-Key) the hash of the body, when it was
 * first accepted, and the answer. Message ids are derived from the key and that time, so a request that is taken over
 * after a crash has the ids of the first try, and the delivery journal keeps it from being sent twice.
 *
 * While Redis is away requests are accepted unchecked: an outage of Redis must not stop mail, and the caller is told
 * (`Idempotency-Status: unchecked`). The key stays visible as the record's key.
 */
import { hash } from 'node:crypto';
import type { Context } from '@opentelemetry/api';
import type { Caller } from './keyring.ts';
import { ProblemError } from './problem.ts';
import { type RedisCommands, RedisScript } from './redis-scripts.ts';
import type { Submission, Submitted } from './submitter.ts';

/** For how long a request in progress is left alone before another may take it over, ms. */
const leaseMs = 30_000;

/** `new`, `replay`, `busy` or `mismatch`, and the time, the answer or the wait that belongs to it. */
const begin = new RedisScript(`
local known = redis.call('HMGET', KEYS[1], 'body', 'at', 'lease', 'answer')
local now = tonumber(ARGV[2])
if not known[1] then
  redis.call('HSET', KEYS[1], 'body', ARGV[1], 'at', ARGV[2], 'lease', now + tonumber(ARGV[3]))
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {'new', ARGV[2]}
end
if known[1] ~= ARGV[1] then return {'mismatch', ''} end
if known[4] then return {'replay', known[4]} end
local left = tonumber(known[3] or '0') - now
if left > 0 then return {'busy', tostring(left)} end
redis.call('HSET', KEYS[1], 'lease', now + tonumber(ARGV[3]))
return {'new', known[2]}
`);

const finish = new RedisScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'answer', ARGV[1])
  redis.call('HDEL', KEYS[1], 'lease')
end
return 1
`);

/** Nothing was sent: the key is forgotten. */
const forget = new RedisScript(`return redis.call('DEL', KEYS[1])`);
/** Something may have been sent: the next try keeps the time, and with it the ids. */
const giveUp = new RedisScript(`return redis.call('HDEL', KEYS[1], 'lease')`);

/** A request that may be a repetition. */
export interface RepeatableRequest {
  readonly caller: Caller;
  readonly via: 'http' | 'smtp';
  readonly idempotencyKey: string | null;
  /** Holds the span of the batch that this is a line of. */
  readonly linkTo?: Context;
  /** Hash of the body's bytes; only asked for with a key. */
  bodyHash(): string;
}

/** The answer, and whether it is a first one, a stored one, or one that could not be compared. */
export interface RepeatableAnswer {
  readonly submitted: Submitted;
  readonly status: 'stored' | 'replayed' | 'unchecked';
}

export interface RepeatableOptions {
  readonly redis: RedisCommands;
  readonly keyPrefix: string;
  /** How long a key is remembered, ms. */
  readonly rememberMs: number;
  readonly onUnchecked: (error: unknown) => void;
}

type Begun =
  | { readonly kind: 'new'; readonly acceptedAt: number }
  | { readonly kind: 'replay'; readonly submitted: Submitted };

/** The answer was stored below, by us. */
const parseSubmitted = (text: string): Submitted => JSON.parse(text);

export class Repeatable {
  readonly #options: RepeatableOptions;

  constructor(options: RepeatableOptions) {
    this.#options = options;
  }

  /** Runs `submit` unless the request was answered before. Throws the problems of a busy or misused key. */
  async run(
    request: RepeatableRequest,
    submit: (submission: Submission) => Promise<Submitted>,
  ): Promise<RepeatableAnswer> {
    const { caller, via, idempotencyKey, linkTo } = request;
    const now = Date.now();
    const common = { caller, via, idempotencyKey, ...(linkTo === undefined ? {} : { linkTo }) };
    if (idempotencyKey === null) {
      const submitted = await submit({ ...common, acceptedAt: now });
      return { submitted, status: 'stored' };
    }
    const key = this.#keyOf(caller.tenant, idempotencyKey);
    const begun = await this.#begin(key, request.bodyHash(), now);
    if (begun?.kind === 'replay') return { submitted: begun.submitted, status: 'replayed' };
    const submission = { ...common, acceptedAt: begun?.acceptedAt ?? now };
    if (begun === undefined) return { submitted: await submit(submission), status: 'unchecked' };
    try {
      const submitted = await submit(submission);
      await this.#quietly(finish.run(this.#options.redis, key, [JSON.stringify(submitted)]));
      return { submitted, status: 'stored' };
    } catch (error) {
      const nothingSent = error instanceof ProblemError && error.code !== 'unavailable';
      await this.#quietly((nothingSent ? forget : giveUp).run(this.#options.redis, key, []));
      throw error;
    }
  }

  /** Undefined when Redis cannot be asked. */
  async #begin(key: string, bodyHash: string, now: number): Promise<Begun | undefined> {
    const { redis, rememberMs } = this.#options;
    const reply = await begin
      .run(redis, key, [bodyHash, now, leaseMs, rememberMs])
      .catch((error: unknown) => {
        this.#options.onUnchecked(error);
        return undefined;
      });
    if (reply === undefined) return undefined;
    const [kind, value] = reply.map(String);
    switch (kind) {
      case 'new':
        return { kind, acceptedAt: Number(value) };
      case 'replay':
        return { kind, submitted: parseSubmitted(value ?? '') };
      case 'busy':
        throw new ProblemError(
          'idempotency-in-progress',
          'The first request with this key is not answered yet',
          {
            retryAfterMs: Math.min(Number(value), 2_000),
          },
        );
      default:
        throw new ProblemError(
          'idempotency-mismatch',
          'This key was used for a request with another body; use a new key for a new request',
          { errors: [{ field: 'Idempotency-Key', message: 'belongs to another body' }] },
        );
    }
  }

  /** A lost answer is no failure of the request: a repetition then runs again, under the same ids. */
  async #quietly(done: Promise<unknown>): Promise<void> {
    await done.catch((error: unknown) => this.#options.onUnchecked(error));
  }

  #keyOf(tenant: string, idempotencyKey: string): string {
    return `${this.#options.keyPrefix}idempotency:${hash('sha256', `${tenant}\0${idempotencyKey}`, 'base64url')}`;
  }
}
