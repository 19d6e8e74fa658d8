/** Redis for the length of one command. */
import { type Config, connectRedis, type RedisConnection } from '@millrace/service';

const connectMs = 10_000;

/** Connects, and stops in the end; undefined: Redis does not answer. */
export async function withRedis<T>(
  config: Pick<Config, 'redis'>,
  use: (client: RedisConnection['client']) => Promise<T>,
): Promise<T | undefined> {
  const redis = connectRedis(config, { info: () => undefined, warn: () => undefined });
  redis.client.on('error', () => undefined);
  try {
    return (await redis.connected(connectMs)) ? await use(redis.client) : undefined;
  } finally {
    await redis.stop();
  }
}
