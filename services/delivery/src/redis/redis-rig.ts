/** For tests: several workers on one real Redis, each by a way of its own that can be cut and mended. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connectRedis, type RedisConnection } from '@millrace/service';
import { type SharedState, type SharedStateOptions, sharedState } from './shared-state.ts';

const silent = { info: () => undefined, warn: () => undefined };

/** The Redis that the environment names. Throws when it names none. */
export const redisUrl = (): URL => {
  const url = process.env.REDIS_URL;
  if (url === undefined) throw new Error('REDIS_URL is not set: run this by npm test, or beside a stack.');
  return new URL(url);
};

/** Waits until `test` is true, at most 60 s. */
export const until = async (test: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const giveUpAt = Date.now() + 60_000;
  while (!(await test())) {
    if (Date.now() > giveUpAt) throw new Error(`waited 60 s in vain: ${what}`);
    await delay(5);
  }
};

export interface RedisWay {
  readonly url: string;
  /** Ends all connections and refuses new ones. */
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
}

/** A way to Redis through this process. */
export const redisWay = async (): Promise<RedisWay> => {
  const { hostname, port } = redisUrl();
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const redis = connect({ host: hostname, port: Number(port) });
    for (const [from, to] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${address.port}`,
    cut,
    mend: () => {
      isCut = false;
    },
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
};

export interface TestWorker extends SharedState {
  readonly connection: RedisConnection;
  readonly way: RedisWay;
  /** Ends without a word, as a killed process does. */
  kill(): Promise<void>;
}

export interface RedisRig {
  /** Before all keys of this rig. */
  readonly keyPrefix: string;
  /** A connection of the test's own. */
  readonly connection: RedisConnection;
  worker(options?: Partial<SharedStateOptions>): Promise<TestWorker>;
  workers(count: number, options?: Partial<SharedStateOptions>): Promise<TestWorker[]>;
}

/** A rig of the test's own, gone with it: workers of another test are not in its census. */
export const redisRig = async (test: { after(end: () => Promise<void>): void }): Promise<RedisRig> => {
  const keyPrefix = `test-${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}:`;
  const connection = connectRedis({ redis: { url: redisUrl().href } }, silent);
  if (!(await connection.connected(10_000))) throw new Error(`no Redis at ${redisUrl().host}`);
  const running = new Set<TestWorker>();

  const worker = async (options: Partial<SharedStateOptions> = {}): Promise<TestWorker> => {
    const way = await redisWay();
    const own = connectRedis({ redis: { url: way.url } }, silent);
    if (!(await own.connected(10_000))) throw new Error('no way to Redis');
    const state = sharedState({
      client: own.client,
      keyPrefix,
      stream: 'realtime',
      journalDays: 3,
      ...options,
    });
    const made: TestWorker = {
      ...state,
      connection: own,
      way,
      kill: async () => {
        running.delete(made);
        way.cut();
        own.client.disconnect();
        await state.stop();
        await way.stop();
      },
    };
    running.add(made);
    await state.start();
    return made;
  };

  const stop = async (): Promise<void> => {
    for (const { stop: stopState, connection: own, way } of running) {
      await stopState();
      await own.stop();
      await way.stop();
    }
    const keys = await connection.client.keys(`${keyPrefix}*`);
    if (keys.length > 0) await connection.client.unlink(...keys);
    await connection.stop();
  };
  test.after(stop);

  return {
    keyPrefix,
    connection,
    worker,
    workers: async (count, options) => {
      const made = await Promise.all(Array.from({ length: count }, () => worker(options)));
      await until(() => made.every(({ census }) => census.workers >= count), 'all workers know each other');
      return made;
    },
  };
};
