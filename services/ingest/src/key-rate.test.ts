import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { connectRedis, type RedisConnection } from '@millrace/service';
import { newApiKey } from './api-key.ts';
import { startCensus } from './census.ts';
import { until } from './ingest-rig.ts';
import { KeyRate } from './key-rate.ts';
import { type Caller, Keyring } from './keyring.ts';

const quiet = { info: () => undefined, warn: () => undefined };
const prefix = `test-${randomUUID().slice(0, 8)}:`;

let redis: RedisConnection;
before(async () => {
  redis = connectRedis({ redis: { url: process.env.REDIS_URL ?? '' } }, quiet);
  assert.ok(await redis.connected(10_000), 'Run through `npm test`, or set REDIS_URL.');
});
after(() => redis.stop());

const callerWith = (perSecond: number, burst: number): Caller => {
  const { key, id, sha256 } = newApiKey(randomUUID());
  const keyring = new Keyring({
    tenants: {
      acme: {
        default_stream: 'batch',
        categories: {},
        from_domains: ['*'],
        pools: { realtime: 'realtime', batch: 'batch' },
        api_keys: [{ id, sha256, scopes: ['send'], messages_per_second: perSecond, burst }],
      },
    },
    pools: {},
    dkim: [],
  });
  const caller = keyring.callerOf(key);
  assert.ok(caller);
  return caller;
};

const rateOf = (connection: RedisConnection, processes = 1): KeyRate =>
  new KeyRate({
    redis: connection.client,
    keyPrefix: prefix,
    processes: () => processes,
    onUnavailable: () => undefined,
  });

/** How many of `tries` single messages are granted at once. */
const granted = async (rate: KeyRate, caller: Caller, tries: number): Promise<number> => {
  let count = 0;
  for (let index = 0; index < tries; index++) if ((await rate.take(caller, 1)) === 0) count += 1;
  return count;
};

describe('the rate of a key', () => {
  test('is its burst at once, then what the rate brings, over all processes together', async () => {
    const caller = callerWith(0.001, 20);
    const [one, two] = [rateOf(redis), rateOf(redis)];
    const [first, second] = await Promise.all([granted(one, caller, 20), granted(two, caller, 20)]);
    assert.ok(first + second <= 20, `${first} + ${second}`);
    // A process may hold a few tokens that it has not used; those are all that is missing.
    assert.ok(first + second >= 14, `${first} + ${second}`);
    assert.ok((await one.take(caller, 1)) > 0);
  });

  test('says after how long to ask again', async () => {
    const caller = callerWith(10, 1);
    const rate = rateOf(redis);
    assert.equal(await rate.take(caller, 1), 0);
    const waitMs = await rate.take(caller, 1);
    assert.ok(waitMs > 0 && waitMs <= 100, String(waitMs));
    await assert.rejects(rate.takeOrRefuse(caller, 1), { code: 'rate-limited', retryAfterSeconds: 1 });
    await rate.takeOrWait(caller, 1, AbortSignal.timeout(10_000));
  });

  test('grants a request above the burst when the bucket is full', async () => {
    const caller = callerWith(0.001, 5);
    const rate = rateOf(redis);
    assert.equal(await rate.take(caller, 50), 0);
    assert.ok((await rate.take(caller, 1)) > 1_000);
  });

  test('is shared among the known processes while Redis is away', async () => {
    const away = connectRedis({ redis: { url: 'redis://127.0.0.1:9' } }, quiet);
    const caller = callerWith(0.001, 20);
    assert.equal(await granted(rateOf(away, 4), caller, 20), 5);
    assert.equal(await granted(rateOf(away, 1), callerWith(0.001, 20), 25), 20);
    await away.stop();
  });
});

describe('the census', () => {
  test('counts the processes, and those that left no more', async () => {
    const key = `${prefix}${randomUUID()}:`;
    const one = startCensus(redis.client, key);
    const two = startCensus(redis.client, key);
    await until('both', async () => Math.max(one.processes, two.processes) === 2);
    await two.stop();
    const three = startCensus(redis.client, key);
    await until('the third', async () => three.processes === 2);
    await Promise.all([one.stop(), three.stop()]);
  });
});
