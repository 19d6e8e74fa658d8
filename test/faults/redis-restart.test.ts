/** Redis dies under working delivery workers and comes back: limits hold throughout, and nothing is sent twice. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type MessageId, newMessageId } from '@millrace/core';
import { connectRedis, type RedisConnection } from '@millrace/service';
import { resolveArtifacts } from '../../infra/stack/artifacts.ts';
import type { Child } from '../../infra/stack/child.ts';
import { freePorts } from '../../infra/stack/ports.ts';
import { startRedis } from '../../infra/stack/redis.ts';
import { type SharedState, sharedState } from '../../services/delivery/src/redis/shared-state.ts';

const silent = { info: () => undefined, warn: () => undefined };
const directory = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
const workers: { readonly connection: RedisConnection; readonly state: SharedState }[] = [];
let startServer: () => Promise<Child>;
let server: Child;

const until = async (test: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const giveUpAt = Date.now() + 60_000;
  while (!(await test())) {
    if (Date.now() > giveUpAt) throw new Error(`waited 60 s in vain: ${what}`);
    await delay(10);
  }
};

before(async () => {
  const libraries = resolve(import.meta.dirname, '../../.millrace/lib');
  const artifacts = await resolveArtifacts(libraries, () => undefined);
  const [port] = await freePorts(1);
  assert.ok(port);
  startServer = () => startRedis(artifacts, { directory, port, detached: false });
  server = await startServer();
  for (let count = 0; count < 3; count++) {
    const connection = connectRedis({ redis: { url: `redis://127.0.0.1:${port}` } }, silent);
    assert.ok(await connection.connected(10_000));
    const state = sharedState({
      client: connection.client,
      keyPrefix: 'restart:',
      stream: 'realtime',
      journalDays: 3,
      leaseTtlMs: 2_000,
      returningMs: 2_500,
    });
    workers.push({ connection, state });
    await state.start();
  }
  await until(() => workers.every(({ state }) => state.census.workers === 3), 'the workers know each other');
});

after(async () => {
  for (const { connection, state } of workers) {
    await state.stop();
    await connection.stop();
  }
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

const messages = (count: number): MessageId[] =>
  Array.from({ length: count }, () => newMessageId(Date.now() - 60_000));

test('a Redis that is killed and started again', async () => {
  const [one, two, three] = workers.map(({ state }) => state);
  assert.ok(one && two && three);
  const limit = { perSecond: 60, burst: 6 };

  // Mail flows at the limit from all three.
  const uses: number[] = [];
  const flowing = new AbortController();
  const flows = [one, two, three].map(async ({ tokens }) => {
    while (!flowing.signal.aborted) {
      const { granted, waitMs } = await tokens.take('restart', limit, 2);
      for (let token = 0; token < granted; token++) uses.push(performance.now());
      await delay(granted > 0 ? 0 : Math.min(100, waitMs));
    }
  });
  // All connections are taken.
  const leases = [];
  for (const { leases: of } of [one, one, two])
    leases.push(await of.acquire('restart', 3, Date.now() + 60_000));
  assert.ok(leases.every((lease) => 'id' in lease));
  // A thousand messages are delivered, ten are about to be.
  const [delivered, begun, meanwhile] = [messages(1_000), messages(10), messages(50)];
  await one.journal.begin([...delivered, ...begun, ...meanwhile]);
  await Promise.all(delivered.map((id) => one.journal.done(id)));
  await delay(1_500);

  process.kill(server.pid, 'SIGKILL');
  await server.ended;
  const diedAt = performance.now();
  await until(() => [one, two, three].every(({ presence }) => presence.state === 'away'), 'all see it');
  await Promise.all(meanwhile.map((id) => one.journal.done(id)));
  assert.ok('waitMs' in (await three.leases.acquire('restart', 3, Date.now())), 'no fourth connection');
  await delay(2_500);
  server = await startServer();
  const backAt = performance.now();
  await until(() => [one, two, three].every(({ presence }) => presence.state === 'here'), 'all are back');
  await delay(1_500);
  flowing.abort();
  await Promise.all(flows);

  // What was delivered is known, before and during the outage, to every worker.
  await until(
    async () => (await two.journal.lookup(meanwhile)).every(({ kind }) => kind === 'done'),
    'what was delivered meanwhile is written',
  );
  assert.ok((await two.journal.lookup(delivered)).every(({ kind }) => kind === 'done'));
  for (const entry of await two.journal.lookup(begun)) {
    assert.ok(entry.kind === 'inflight' && entry.worker === one.census.number);
  }
  // The connections are still those that were held.
  assert.equal(one.leases.held('restart') + two.leases.held('restart'), 3);
  assert.ok('waitMs' in (await three.leases.acquire('restart', 3, Date.now())), 'still no fourth connection');
  // Mail flowed all the time, and never faster than allowed.
  const rate = (from: number, to: number) =>
    (uses.filter((at) => at >= from && at < to).length * 1_000) / (to - from);
  assert.ok(
    rate(diedAt + 800, backAt) > limit.perSecond * 0.6,
    `${rate(diedAt + 800, backAt)}/s without Redis`,
  );
  let first = 0;
  uses.sort((a, b) => a - b);
  for (const [last, at] of uses.entries()) {
    while (at - (uses[first] ?? at) >= 1_000) first++;
    assert.ok(last - first + 1 <= limit.perSecond + limit.burst, `${last - first + 1} in one second`);
  }
});
