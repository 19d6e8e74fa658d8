/** Lua scripts run by their SHA, sent once: the one way in which ingest uses Redis. */
import { hash } from 'node:crypto';

/** What is needed of a Redis connection. */
export interface RedisCommands {
  evalsha(sha: string, numberOfKeys: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...keysAndArgs: string[]): Promise<unknown>;
}

/** A script, and its result as a list of texts and numbers. */
export class RedisScript {
  readonly #script: string;
  readonly #sha: string;

  constructor(script: string) {
    this.#script = script;
    this.#sha = hash('sha1', script, 'hex');
  }

  async run(
    redis: RedisCommands,
    key: string,
    args: readonly (string | number)[],
  ): Promise<readonly unknown[]> {
    const texts = args.map(String);
    const result = await redis.evalsha(this.#sha, 1, key, ...texts).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
        return redis.eval(this.#script, 1, key, ...texts);
      }
      throw error;
    });
    return Array.isArray(result) ? result : [result];
  }
}
