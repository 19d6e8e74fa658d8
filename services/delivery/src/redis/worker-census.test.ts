import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RedisPresence } from './redis-presence.ts';
import { redisRig, until } from './redis-rig.ts';
import { WorkerCensus } from './worker-census.ts';

test('workers of a stream know how many they are, and all the same order', async (t) => {
  const rig = await redisRig(t);
  const workers = await rig.workers(3, { stream: 'batch' });
  const stranger = await rig.worker({ stream: 'realtime' });
  assert.deepEqual(workers.map(({ census }) => census.rank).sort(), [0, 1, 2]);
  assert.ok(workers.every(({ census }) => census.workers === 3));
  assert.equal(stranger.census.workers, 1);
  for (const { census } of workers) assert.ok(workers.every((other) => census.isAlive(other.census.number)));
  assert.equal(workers[0]?.census.isAlive(stranger.census.number), false);
});

test('who stops is gone at once, who is killed after a while', async (t) => {
  const rig = await redisRig(t);
  const presence = new RedisPresence();
  const parts = {
    client: rig.connection.client,
    presence,
    keyPrefix: rig.keyPrefix,
    stream: 'batch',
  } as const;
  const times = { beatMs: 50, forgetMs: 500 };
  const staying = new WorkerCensus({ ...parts, ...times });
  const stopping = new WorkerCensus({ ...parts, ...times });
  const { connection: doomed, kill } = await rig.worker();
  const killed = new WorkerCensus({ ...parts, ...times, client: doomed.client });
  for (const census of [staying, stopping, killed]) await census.start();
  await until(() => staying.workers === 3, 'three are known');
  await stopping.stop();
  await until(() => staying.workers === 2, 'one has stopped');
  doomed.client.disconnect();
  await until(() => staying.workers === 1, 'one is forgotten');
  assert.equal(staying.isAlive(killed.number), false);
  await killed.stop();
  await staying.stop();
  await kill();
});

test('while Redis is away the last census holds; one that never heard Redis assumes many', async (t) => {
  const rig = await redisRig(t);
  const [one] = await rig.workers(2);
  assert.ok(one);
  one.way.cut();
  await until(() => one.presence.state === 'away', 'it sees that Redis is away');
  assert.equal(one.census.workers, 2);

  const unheard = new WorkerCensus({
    client: one.connection.client,
    presence: new RedisPresence(),
    keyPrefix: rig.keyPrefix,
    stream: 'realtime',
  });
  await unheard.start();
  assert.equal(unheard.workers, 16);
  assert.ok(unheard.rank >= 0 && unheard.rank < 16);
  await unheard.stop();
});
