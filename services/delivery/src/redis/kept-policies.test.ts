import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { connectRedis } from '@millrace/service';
import { StsPolicies } from '@millrace/smtp';
import { keepPolicy, restorePolicies } from './kept-policies.ts';
import { redisUrl } from './redis-rig.ts';

const silent = { info: () => undefined, warn: () => undefined };

/** Policies of a process where DNS and policy hosts are away. */
const cutOff = (now: number): StsPolicies =>
  new StsPolicies({
    resolver: { texts: async () => ({ kind: 'none' }) },
    fetch: () => Promise.reject(new Error('away')),
    now: () => now,
  });

test('a worker that starts enforces what domains asked for before, and forgets what is over', async () => {
  const keyPrefix = `test:${randomUUID()}:`;
  const redis = connectRedis({ redis: { url: redisUrl().href } }, silent);
  try {
    assert.ok(await redis.connected(10_000));
    const { client } = redis;
    const at = { client, keyPrefix };
    const file = (mx: string, seconds: number): string =>
      `version: STSv1\nmode: enforce\nmx: ${mx}\nmax_age: ${seconds}\n`;
    await keepPolicy(at, 'a.test', { id: '1', file: file('mx.a.test', 86_400), fetchedAt: 1_000 });
    await keepPolicy(at, 'b.test', { id: '1', file: file('mx.b.test', 60), fetchedAt: 1_000 });
    await client.hset(`${keyPrefix}mta-sts`, { 'c.test': '{"id":1}', 'd.test': 'no JSON' });
    const policies = cutOff(3_600_000);
    assert.equal(await restorePolicies(at, policies), 1);
    assert.deepEqual((await policies.find('a.test'))?.mx, ['mx.a.test']);
    for (const domain of ['b.test', 'c.test', 'd.test']) assert.equal(await policies.find(domain), undefined);
    assert.deepEqual(await client.hkeys(`${keyPrefix}mta-sts`), ['a.test']);
    await client.del(`${keyPrefix}mta-sts`);
  } finally {
    await redis.stop();
  }
});
