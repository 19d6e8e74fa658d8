/** One connection to Redis whose commands fail at once while Redis is away, and which comes back by itself. */
import { Redis } from 'ioredis';
import type { Logger } from './logger.ts';

/** Time limit of connecting, ms. */
const connectTimeoutMs = 3_000;
/** A connection that owes an answer for so long is given up, ms: Redis is there but frozen. */
const silenceMs = 3_000;
const longestBackoffMs = 1_000;

export interface RedisConnection {
  readonly client: Redis;
  /** Whether commands are taken now. */
  readonly ready: boolean;
  /** Resolves when Redis is there, true, or after `withinMs`, false. */
  connected(withinMs: number): Promise<boolean>;
  /** Lets commands that are under way finish, then closes. */
  stop(): Promise<void>;
}

export interface RedisSettings {
  readonly redis: { readonly url: string };
}

/** Connects in the background. Commands reject at once while Redis is away; nothing is queued, nothing sent twice. */
export const connectRedis = (
  { redis: { url } }: RedisSettings,
  logger: Pick<Logger, 'info' | 'warn'>,
): RedisConnection => {
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: connectTimeoutMs,
    socketTimeout: silenceMs,
    retryStrategy: (times) => Math.min(50 * times, longestBackoffMs),
  });
  let away = false;
  let reason: unknown;
  client.on('error', (error: unknown) => {
    reason = error;
  });
  client.on('close', () => {
    if (away || client.status === 'end') return;
    away = true;
    logger.warn({ err: reason }, 'Redis is away; it is tried again until it is there');
  });
  client.on('ready', () => {
    if (away) logger.info({}, 'Redis is there again');
    away = false;
    reason = undefined;
  });
  return {
    client,
    get ready() {
      return client.status === 'ready';
    },
    connected: (withinMs) =>
      new Promise((resolve) => {
        if (client.status === 'ready') return resolve(true);
        const settle = (there: boolean) => () => {
          clearTimeout(timer);
          client.off('ready', onReady);
          resolve(there);
        };
        const onReady = settle(true);
        const timer = setTimeout(settle(false), withinMs);
        client.on('ready', onReady);
      }),
    stop: async () => {
      if (client.status === 'ready') await client.quit().catch(() => undefined);
      client.disconnect();
    },
  };
};
