/** Lua scripts, sent once and then called by their SHA-1. */
import { hash } from 'node:crypto';
import type { RedisConnection } from '@millrace/service';

export type RedisClient = RedisConnection['client'];

/** Lua: the server's time in µs. */
export const luaNowUs = `
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
`;

const gathering = new WeakSet<RedisClient['stream']>();

/** What is asked up to the end of this turn of the event loop leaves in one piece: each write wakes Redis up. */
export const inOnePiece = ({ stream }: RedisClient): void => {
  if (gathering.has(stream)) return;
  gathering.add(stream);
  stream.cork();
  setImmediate(() => {
    gathering.delete(stream);
    stream.uncork();
  });
};

export class RedisScript {
  readonly #lua: string;
  readonly #sha: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#sha = hash('sha1', lua, 'hex');
  }

  /** The result as a list. Rejects at once while Redis is away. */
  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<readonly unknown[]> {
    const result: unknown = await client
      .evalsha(this.#sha, keys.length, ...keys, ...args)
      .catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
          return client.eval(this.#lua, keys.length, ...keys, ...args);
        }
        throw error;
      });
    return Array.isArray(result) ? result : [result];
  }
}

/** Numbers of a script's result: Redis answers with integers, or with texts where they have fractions. */
export const numbers = (result: readonly unknown[]): number[] => result.map(Number);
