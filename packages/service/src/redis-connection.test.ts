import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { connectRedis, type RedisConnection } from './redis-connection.ts';

const url = (): URL => {
  const { REDIS_URL } = process.env;
  if (!REDIS_URL) throw new Error('Run through `npm test`, or set REDIS_URL.');
  return new URL(REDIS_URL);
};

const quiet = { info: () => undefined, warn: () => undefined };

/** A way to the real Redis that can be cut and frozen. */
class Cable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut = false;
  port = 0;

  constructor() {
    this.#server = createServer((client) => {
      if (this.#cut) return void client.destroy();
      const redis = connect(Number(url().port), url().hostname);
      for (const socket of [client, redis]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy()).on('close', () => this.#sockets.delete(socket));
      }
      client.pipe(redis);
      redis.pipe(client);
    });
  }

  async plugIn(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    return `redis://127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#cut = false;
  }

  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const withCable = async (run: (cable: Cable, redis: RedisConnection) => Promise<void>): Promise<void> => {
  const cable = new Cable();
  const redis = connectRedis({ redis: { url: await cable.plugIn() } }, quiet);
  try {
    await run(cable, redis);
  } finally {
    await redis.stop();
    await cable.close();
  }
};

describe('a connection to Redis', () => {
  test('takes commands once it is there', () =>
    withCable(async (_cable, redis) => {
      assert.equal(await redis.connected(10_000), true);
      assert.equal(await redis.client.ping(), 'PONG');
    }));

  test('fails commands at once while Redis is away, and comes back by itself', () =>
    withCable(async (cable, redis) => {
      await redis.connected(10_000);
      const closed = once(redis.client, 'close');
      cable.cut();
      await closed;
      assert.equal(redis.ready, false);
      const before = performance.now();
      await assert.rejects(redis.client.ping());
      assert.ok(performance.now() - before < 1_000);
      cable.mend();
      assert.equal(await redis.connected(20_000), true);
      assert.equal(await redis.client.ping(), 'PONG');
    }));

  test('gives up a command that a frozen Redis does not answer', () =>
    withCable(async (cable, redis) => {
      await redis.connected(10_000);
      cable.freeze();
      await assert.rejects(redis.client.ping());
    }));

  test('does not wait for ever for one that is not there', async () => {
    const redis = connectRedis({ redis: { url: 'redis://127.0.0.1:9' } }, quiet);
    assert.equal(await redis.connected(50), false);
    await redis.stop();
  });
});
