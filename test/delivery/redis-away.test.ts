import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { resolveArtifacts } from '../../infra/stack/artifacts.ts';
import { freePorts } from '../../infra/stack/ports.ts';
import { startRedis } from '../../infra/stack/redis.ts';
import { startRig } from './delivery-rig.ts';

const root = resolve(import.meta.dirname, '../..');

/** A Redis of this test's own, to be killed and started again. */
const ownRedis = async () => {
  const artifacts = await resolveArtifacts(join(root, '.millrace', 'lib'), () => undefined);
  const [port = 0] = await freePorts(1);
  const directory = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const start = () => startRedis(artifacts, { directory, port, detached: false });
  let child = await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: async () => {
      process.kill(child.pid, 'SIGKILL');
      await child.ended;
    },
    start: async () => {
      child = await start();
    },
    stop: async () => {
      await child.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

test('without Redis realtime goes on; what must not be sent twice waits until it is back', async () => {
  const server = await ownRedis();
  const rig = await startRig({ stream: 'realtime', redisUrl: server.url, sandbox: { verify: 'off' } });
  try {
    await rig.startWorker();
    const before = rig.task('before@tail-01.test');
    await rig.send(before);
    await rig.event(before, 'delivered');
    await server.kill();
    await rig.until(() => !rig.redis.ready, 'Redis is away');
    // On the session that is there.
    const meanwhile = rig.task('meanwhile@tail-01.test');
    const once = rig.task('once@tail-01.test', { guarantee: 'at_most_once', category: 'otp' });
    await rig.send(meanwhile, once);
    await rig.event(meanwhile, 'delivered');
    assert.deepEqual(rig.kindsOf(once), []);
    await server.start();
    await rig.event(once, 'delivered');
    assert.equal(rig.sandbox.stats().isps['tail-01']?.mails.accepted, 3);
  } finally {
    await rig.stop();
    await server.stop();
  }
});

test('without Redis batch waits, and goes on by itself when it is back', async () => {
  const server = await ownRedis();
  const rig = await startRig({ stream: 'batch', redisUrl: server.url, sandbox: { verify: 'off' } });
  try {
    await rig.startWorker();
    const before = rig.task('before@tail-02.test');
    await rig.send(before);
    await rig.event(before, 'delivered');
    await server.kill();
    await rig.until(() => !rig.redis.ready, 'Redis is away');
    const tasks = Array.from({ length: 20 }, (_, index) => rig.task(`user-${index}@tail-02.test`));
    await rig.send(...tasks);
    await new Promise((wait) => setTimeout(wait, 1_000));
    assert.equal(rig.sandbox.stats().isps['tail-02']?.mails.accepted, 1);
    await server.start();
    for (const task of tasks) await rig.event(task, 'delivered');
    assert.equal(rig.sandbox.stats().isps['tail-02']?.mails.accepted, 21);
    assert.equal(rig.delays.length, 0);
  } finally {
    await rig.stop();
    await server.stop();
  }
});
