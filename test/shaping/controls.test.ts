import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Delivery } from '@millrace/delivery';
import type { DeliveryTask } from '@millrace/schemas';
import { type DeliveryRig, startRig, unique } from '../delivery/delivery-rig.ts';

const shaping = `
default:
  connection_limit: 5
  max_deliveries_per_connection: 50
`;

let rig: DeliveryRig;
let workers: readonly Delivery[];
before(async () => {
  rig = await startRig({
    isps: ['gmail', 'yahoo'],
    partitions: 4,
    sandbox: { verify: 'off' },
    shaping,
    sources: {
      one: { address: '127.0.3.1', ehlo: 'one.acme.example' },
      two: { address: '127.0.3.2', ehlo: 'two.acme.example' },
    },
    pools: {
      main: { stream: 'batch', sources: [{ source: 'one', weight: 1 }] },
      spare: { stream: 'batch', sources: [{ source: 'two', weight: 1 }] },
    },
  });
  workers = await Promise.all([rig.startWorker(), rig.startWorker()]);
});
after(() => rig.stop());

const delivered = (tasks: readonly DeliveryTask[]): number => {
  const ids = new Set(tasks.map(({ message_id }) => message_id));
  return rig.events.filter((event) => event.kind === 'delivered' && ids.has(event.message_id)).length;
};

const mails = (count: number, domain: string, overrides: Partial<DeliveryTask> = {}): DeliveryTask[] =>
  Array.from({ length: count }, (_, index) => rig.task(`${unique()}-${index}@${domain}`, overrides));

/** Both workers wait for the end of something. */
const held = (count: number): Promise<boolean> =>
  rig.until(
    () => workers.reduce((sum, worker) => sum + worker.stats().held, 0) === count,
    `${count} messages held back`,
  );

test('a suspended provider gets nothing within a second, others go on, and all goes out once it is resumed', async (t) => {
  // Slow enough that the suspension comes in the middle; few enough that none is put off for want of room in the window,
  // however slow the machine: nobody brings those back here.
  await rig.sandbox.behave('gmail', { latency: { after_dot_ms: 200 } });
  const gmail = mails(400, 'gmail.com');
  await rig.send(...gmail);
  await rig.until(() => delivered(gmail) > 20, 'some are delivered');
  const key = await rig.control('suspension', 'isp:batch/gmail');
  const suspendedAt = performance.now();
  let last = delivered(gmail);
  let lastAt = suspendedAt;
  await rig.until(() => {
    const count = delivered(gmail);
    if (count !== last) lastAt = performance.now();
    last = count;
    return performance.now() - lastAt > 4_000;
  }, 'nothing more is delivered');
  t.diagnostic(`the last mail ${Math.round(lastAt - suspendedAt)} ms after the suspension`);
  assert.ok(last < 400, 'all were delivered already');
  // Within a second where nothing else runs; the rest of the mails would take longer than this in any case.
  assert.ok(lastAt - suspendedAt < 5_000, `the last one ${lastAt - suspendedAt} ms after the suspension`);
  const yahoo = mails(20, 'yahoo.com');
  await rig.send(...yahoo);
  await rig.until(() => delivered(yahoo) === 20, 'the other provider');
  assert.equal(delivered(gmail), last);
  await rig.sandbox.behave('gmail', { latency: { after_dot_ms: 0 } });
  await rig.undo(key);
  await rig.until(() => delivered(gmail) === 400, 'all of gmail');
  const [first] = gmail;
  assert.ok(first);
  assert.deepEqual(rig.kindsOf(first), ['delivered']);
});

test('a suspended tenant, campaign and domain hold their own messages only', async () => {
  const keys = await Promise.all([
    rig.control('suspension', 'tenant:other'),
    rig.control('suspension', 'campaign:acme/spring'),
    rig.control('suspension', 'domain:yahoo.com'),
  ]);
  const tenant = mails(3, 'gmail.com', { tenant: 'other' });
  const campaign = mails(3, 'gmail.com', { campaign: 'spring' });
  const domain = mails(3, 'yahoo.com');
  // The suspensions are known to a worker at the latest when it holds one of them back.
  await rig.send(...tenant, ...campaign, ...domain);
  await held(9);
  const free = mails(10, 'gmail.com', { campaign: 'summer' });
  await rig.send(...free);
  await rig.until(() => delivered(free) === 10, 'what nobody suspended');
  assert.equal(delivered([...tenant, ...campaign, ...domain]), 0);
  for (const key of keys) await rig.undo(key);
  await rig.until(() => delivered([...tenant, ...campaign, ...domain]) === 9, 'what was suspended');
});

test('a suspension ends by itself, and what grows too old under one expires', async () => {
  const at = Date.now();
  await rig.control('suspension', 'isp:batch/yahoo', { until: at + 4_000 });
  const short = mails(2, 'yahoo.com', { expires_at: at + 1_500 });
  const long = mails(2, 'yahoo.com');
  await rig.send(...short, ...long);
  for (const task of short) await rig.event(task, 'expired');
  await rig.until(() => delivered(long) === 2, 'what was young enough');
  assert.ok(Date.now() >= at + 4_000);
});

test('what is dropped is cancelled with the reason', async () => {
  await rig.control('suspension', 'campaign:acme/mistake');
  const tasks = mails(3, 'gmail.com', { campaign: 'mistake' });
  await rig.send(...tasks);
  await held(3);
  const key = await rig.control('drop', 'campaign:acme/mistake', { reason: 'wrong price' });
  for (const task of tasks) {
    const event = await rig.event(task, 'cancelled');
    assert.equal(event.text, 'wrong price');
    assert.equal(event.campaign, 'mistake');
  }
  await rig.undo(key);
  await rig.undo('suspension|campaign:acme/mistake');
});

test('what is moved leaves from the other source, also when it waited already', async () => {
  await rig.control('suspension', 'source:one');
  const tasks = mails(4, 'gmail.com');
  await rig.send(...tasks);
  await held(4);
  const key = await rig.control('move', 'lane:batch/gmail/one', { value: '{"source":"two"}' });
  for (const task of tasks) assert.equal((await rig.event(task, 'delivered')).source, 'two');
  await rig.undo(key);
  await rig.undo('suspension|source:one');
  const pool = await rig.control('move', 'tenant:acme', { value: '{"pool":"spare"}' });
  await rig.until(() => workers.every((worker) => worker.stats().controls === 1), 'the move is known');
  const [moved] = mails(1, 'yahoo.com');
  assert.ok(moved);
  await rig.send(moved);
  assert.equal((await rig.event(moved, 'delivered')).source, 'two');
  await rig.undo(pool);
});

test('an override of the limits holds at once, and so does its end', async () => {
  const key = await rig.control('limits', 'lane:batch/yahoo/one', {
    value: '{"messagesPerSecond":2,"burst":1,"connections":1}',
  });
  await rig.until(() => workers.every((worker) => worker.stats().controls === 1), 'the override is known');
  const tasks = mails(200, 'yahoo.com');
  const begun = performance.now();
  await rig.send(...tasks);
  await rig.until(() => delivered(tasks) >= 6, 'six at two a second');
  assert.ok(performance.now() - begun > 1_500, 'faster than two a second');
  assert.ok(delivered(tasks) < 30);
  await rig.undo(key);
  await rig.until(() => delivered(tasks) === 200, 'the rest without a limit');
});

test('a cap is lifted in steps', async () => {
  const at = Date.now();
  await rig.control('cap', 'lane:batch/yahoo/one', {
    until: at + 5_000,
    value: JSON.stringify({
      messagesPerSecond: 1,
      recovery: { startsAt: at + 2_000, stepEveryMs: 1_000, factor: 4 },
    }),
  });
  const rates = new Set<number | null>();
  const tasks = mails(100, 'yahoo.com');
  await rig.send(...tasks);
  await rig.until(() => {
    for (const worker of workers)
      for (const lane of worker.stats().lanes)
        if (lane.lane === 'batch/yahoo/one' && lane.backlog > 0) rates.add(lane.messagesPerSecond);
    return delivered(tasks) === 100;
  }, 'all of them');
  assert.deepEqual(
    [1, 4, 16].filter((rate) => rates.has(rate)),
    [1, 4, 16],
  );
});

test('a shaping file is reloaded live, and a wrong one leaves the last good one in force', async () => {
  const limitOf = (): readonly number[] =>
    workers.flatMap((worker) =>
      worker
        .stats()
        .lanes.filter(({ lane }) => lane === 'batch/gmail/one')
        .map(({ connections }) => connections),
    );
  const ping = mails(8, 'gmail.com');
  await rig.send(...ping);
  await rig.until(() => delivered(ping) === 8, 'a lane on at least one worker');
  const apply = (yaml: string) =>
    rig.control('shaping', 'shaping', { value: JSON.stringify({ yaml, name: 'new.yaml' }) });
  const key = await apply('isps: { gmail: { connection_limit: 3 } }');
  await rig.until(() => limitOf().length > 0 && limitOf().every((limit) => limit === 3), 'three connections');
  await apply('isps: { gmial: { connection_limit: 2 } }');
  await rig.until(
    () => workers.every((worker) => worker.stats().shapingProblem?.includes('gmail')),
    'the problem is told',
  );
  assert.ok(limitOf().every((limit) => limit === 3));
  await rig.undo(key);
  await rig.until(() => limitOf().every((limit) => limit === 5), 'the file of the configuration');
  assert.ok(workers.every((worker) => worker.stats().shapingProblem === null));
});
