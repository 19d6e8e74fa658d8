import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

let rig: DeliveryRig;
before(async () => {
  rig = await startRig({ sandbox: { verify: 'off' } });
});
after(() => rig.stop());

const deliveredIds = (): Set<string> =>
  new Set(rig.events.filter(({ kind }) => kind === 'delivered').map((event) => event.message_id));

test('a record that comes again after it was delivered sends nothing and tells its event again', async () => {
  const worker = await rig.startWorker();
  const task = rig.task('again@tail-01.test');
  await rig.send(task);
  const first = await rig.event(task, 'delivered');
  await rig.send(task);
  await rig.until(() => rig.kindsOf(task).length === 2);
  const [, second] = rig.events.filter((event) => event.message_id === task.message_id);
  assert.equal(second?.event_id, first.event_id);
  assert.equal(second?.kind, 'delivered');
  assert.equal(rig.sandbox.stats().isps['tail-01']?.mails.accepted, 1);
  assert.equal(worker.tally.total('repeated'), 1);
  await worker.stop();
});

test('a worker stopped in the middle and one that goes on: each message arrives exactly once', async () => {
  await rig.sandbox.behave('tail', { latency: { after_dot_ms: 5 } });
  const tasks = Array.from({ length: 600 }, (_, index) =>
    rig.task(`user-${index}@tail-${String((index % 6) + 10)}.test`),
  );
  const first = await rig.startWorker();
  await rig.send(...tasks);
  await rig.until(() => deliveredIds().size > 100, '100 delivered');
  await first.stop();
  const sentByFirst = first.tally.total('delivered');
  assert.ok(sentByFirst < 600, `${sentByFirst} were sent before it stopped`);
  const second = await rig.startWorker();
  await rig.until(() => tasks.every(({ message_id }) => deliveredIds().has(message_id)), 'all delivered');
  await second.stop();
  const mails = await rig.sandbox.messages({ search: 'user-', limit: 2_000 });
  const counts = new Map<string, number>();
  for (const { envelope } of mails) {
    const to = envelope.rcpt_to[0] ?? '';
    counts.set(to, (counts.get(to) ?? 0) + 1);
  }
  assert.equal(counts.size, 600);
  assert.deepEqual(
    [...counts].filter(([, count]) => count !== 1),
    [],
  );
});

test('a second worker joins in the middle: each message arrives exactly once', async () => {
  const tasks = Array.from({ length: 600 }, (_, index) =>
    rig.task(`join-${index}@tail-${String((index % 6) + 20)}.test`),
  );
  const first = await rig.startWorker();
  await rig.send(...tasks);
  await rig.until(() => deliveredIds().size > 650, '50 more delivered');
  const second = await rig.startWorker();
  await rig.until(() => tasks.every(({ message_id }) => deliveredIds().has(message_id)), 'all delivered');
  const mails = await rig.sandbox.messages({ search: 'join-', limit: 2_000 });
  assert.equal(new Set(mails.map(({ envelope }) => envelope.rcpt_to[0])).size, 600);
  assert.equal(mails.length, 600);
  await Promise.all([first.stop(), second.stop()]);
});
