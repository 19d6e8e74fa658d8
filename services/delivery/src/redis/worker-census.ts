/** Who works on a stream: heartbeats in Redis. What was last known serves while Redis is away. */
import { setInterval } from 'node:timers';
import { type Stream, workersKey } from '@millrace/core';
import type { RedisPresence } from './redis-presence.ts';
import { luaNowUs, numbers, type RedisClient, RedisScript } from './redis-script.ts';

/** KEYS: workers by when they are forgotten. ARGV: number, ms until forgotten. Answers the numbers that are known. */
const beat = new RedisScript(`${luaNowUs}
local now = math.floor(now_us() / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
`);

export interface WorkerCensusOptions {
  readonly client: RedisClient;
  readonly presence: RedisPresence;
  readonly keyPrefix: string;
  readonly stream: Stream;
  /** 1 to 2^20; tells this process from all others, also from the one before it. Default: random. */
  readonly number?: number;
  /** Between two heartbeats, ms. Default 1,000. */
  readonly beatMs?: number;
  /** A worker that was silent for so long counts no more, ms. Default 10,000. */
  readonly forgetMs?: number;
  /** Workers that are taken to be there while Redis was never heard. Default 16. */
  readonly assumed?: number;
}

export class WorkerCensus {
  readonly number: number;
  readonly #client: RedisClient;
  readonly #presence: RedisPresence;
  readonly #key: string;
  readonly #beatMs: number;
  readonly #forgetMs: number;
  readonly #assumed: number;
  #known: readonly number[] | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkerCensusOptions) {
    this.#client = options.client;
    this.#presence = options.presence;
    this.#key = workersKey(options.keyPrefix, options.stream);
    this.#beatMs = options.beatMs ?? 1_000;
    this.#forgetMs = options.forgetMs ?? 10_000;
    this.#assumed = options.assumed ?? 16;
    this.number = options.number ?? 1 + Math.floor(Math.random() * 2 ** 20);
  }

  /** Workers of the stream, this one included. */
  get workers(): number {
    return Math.max(1, this.#known?.length ?? this.#assumed);
  }

  /** Place of this worker among them, 0 to workers - 1: the same order for all. */
  get rank(): number {
    const place = this.#known?.indexOf(this.number) ?? -1;
    return place === -1 ? this.number % this.workers : place;
  }

  /** Whether a worker with this number was heard lately. */
  isAlive(number: number): boolean {
    return number === this.number || (this.#known?.includes(number) ?? false);
  }

  /** Begins to send heartbeats; resolves after the first was answered, or failed. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#beat(), this.#beatMs);
    await this.#beat();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#client
      .zrem(this.#key, String(this.number))
      .catch((error: unknown) => this.#presence.failed(error));
  }

  async #beat(): Promise<void> {
    const known = await this.#presence.note(
      beat.run(this.#client, [this.#key], [this.number, this.#forgetMs]),
    );
    if (known !== undefined) this.#known = numbers(known).sort((a, b) => a - b);
  }
}
