/**
 * Soft bounces of an address, counted across campaigns: a sorted set in Redis by the time of each, one member a message, so
 * that a report that is read twice counts once. Without Redis nothing is counted: a report then waits, and is read again.
 */
import type { RedisConnection } from '@millrace/service';

type Redis = RedisConnection['client'];

export interface SoftBounceLimits {
  readonly count: number;
  readonly withinMs: number;
}

export class SoftBounces {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #limits: SoftBounceLimits;

  constructor(redis: Redis, prefix: string, limits: SoftBounceLimits) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#limits = limits;
  }

  /** Counts one of the address; whether these are too many now. `at`: ms since the epoch. Throws where Redis is away. */
  async add(tenant: string, address: string, messageId: string, at: number): Promise<boolean> {
    const { count, withinMs } = this.#limits;
    const key = `${this.#prefix}soft:{${tenant}/${address}}`;
    const answers = await this.#redis
      .multi()
      .zadd(key, at, messageId)
      .zremrangebyscore(key, '-inf', `(${at - withinMs}`)
      .zcard(key)
      .pexpire(key, withinMs)
      .exec();
    const failure = answers?.find(([error]) => error !== null)?.[0];
    if (failure !== null && failure !== undefined) throw failure;
    return Number(answers?.[2]?.[1] ?? 0) >= count;
  }
}
