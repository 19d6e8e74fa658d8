import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Delivery } from '@millrace/delivery';
import type { DeliveryTask, MessageEvent } from '@millrace/schemas';
import { type DeliveryRig, startRig, unique } from '../delivery/delivery-rig.ts';

const shaping = `
default:
  connection_limit: 2
  max_deliveries_per_connection: 50
sources:
  slow:
    max_message_rate: 1/s
    burst: 1
isps:
  comcast:
    failures_before_hold: 2
`;

let rig: DeliveryRig;
let worker: Delivery;
before(async () => {
  rig = await startRig({
    isps: ['gmail', 'yahoo', 'comcast'],
    partitions: 1,
    sandbox: { verify: 'off' },
    shaping,
    sources: {
      one: { address: '127.0.3.1', ehlo: 'one.acme.example' },
      two: { address: '127.0.3.2', ehlo: 'two.acme.example' },
      slow: { address: '127.0.3.3', ehlo: 'slow.acme.example' },
      fourth: { address: '127.0.3.4', ehlo: 'fourth.acme.example' },
    },
    pools: {
      main: {
        stream: 'batch',
        sources: [
          { source: 'one', weight: 1 },
          { source: 'two', weight: 1 },
        ],
      },
      mixed: {
        stream: 'batch',
        sources: [
          { source: 'two', weight: 1 },
          { source: 'slow', weight: 1 },
        ],
      },
      moving: {
        stream: 'batch',
        sources: [
          { source: 'two', weight: 1 },
          { source: 'one', weight: 1, overflow: 3 },
          { source: 'fourth', weight: 1, overflow: 1 },
        ],
      },
      new: { stream: 'batch', sources: [{ source: 'two', weight: 1 }] },
      single: { stream: 'batch', sources: [{ source: 'one', weight: 1 }] },
      dull: { stream: 'batch', sources: [{ source: 'slow', weight: 1 }] },
    },
  });
  worker = await rig.startWorker();
});
after(() => rig.stop());

const mails = (count: number, domain: string, overrides: Partial<DeliveryTask> = {}): DeliveryTask[] =>
  Array.from({ length: count }, (_, index) => rig.task(`${unique()}-${index}@${domain}`, overrides));

const deliveries = (tasks: readonly DeliveryTask[]): readonly MessageEvent[] => {
  const ids = new Set(tasks.map(({ message_id }) => message_id));
  return rig.events.filter((event) => event.kind === 'delivered' && ids.has(event.message_id));
};

const bySource = (tasks: readonly DeliveryTask[], source: string): number =>
  deliveries(tasks).filter((event) => event.source === source).length;

test('nothing waits for a source without room while another one of the pool is free', async () => {
  const tasks = mails(200, 'yahoo.com', { pool: 'mixed' });
  const begun = performance.now();
  await rig.send(...tasks);
  await rig.until(() => deliveries(tasks).length === 200, 'all of them');
  const seconds = (performance.now() - begun) / 1_000;
  const slow = bySource(tasks, 'slow');
  assert.ok(slow >= 1, 'the slow source has its part');
  assert.ok(slow <= seconds + 2, `${slow} mails at one a second in ${seconds} s`);
  assert.ok(seconds < 60, `${seconds} s; half of them at one a second would take 100 s`);
});

test('when a source is suspended its pool goes on from the others, with what had been given to it too', async () => {
  await rig.sandbox.behave('gmail', { latency: { after_dot_ms: 100 } });
  const tasks = mails(150, 'gmail.com');
  await rig.send(...tasks);
  await rig.until(() => bySource(tasks, 'two') > 5, 'both send');
  const key = await rig.control('suspension', 'source:two');
  await rig.until(() => worker.stats().controls === 1, 'the suspension is known');
  const before = bySource(tasks, 'two');
  await rig.until(() => deliveries(tasks).length === 150, 'all of them');
  const after = bySource(tasks, 'two');
  // What was in its connections at that moment still goes out, and events come later than their mails; else it had 60 more.
  assert.ok(after - before <= 25, `${after - before} mails after the suspension`);
  assert.equal(worker.stats().held, 0);
  await rig.sandbox.behave('gmail', { latency: { after_dot_ms: 0 } });
  await rig.undo(key);
});

test('a source that is being warmed gets its pace, and nothing once its day is used up; the pool sends the rest', async () => {
  const progress = (spent: readonly string[], dayEndsAt: number) =>
    rig.control('warmup', 'warmup:two', {
      author: 'warm-up',
      set_at: Date.now(),
      value: JSON.stringify({
        ...{ plan: '100k', day: 1, date: '2026-11-24', timeZone: 'UTC', completed: false },
        ...{ caps: { gmail: 3_600 }, spent, dayEndsAt },
      }),
    });
  const tomorrow = Date.now() + 3_600_000;
  await progress([], tomorrow);
  await rig.until(() => worker.stats().controls === 1, 'the warm-up is known');
  const first = mails(100, 'gmail.com');
  const begun = performance.now();
  await rig.send(...first);
  await rig.until(() => deliveries(first).length === 100, 'all of them');
  const seconds = (performance.now() - begun) / 1_000;
  assert.ok(bySource(first, 'two') <= seconds + 2, `${bySource(first, 'two')} mails in ${seconds} s`);
  assert.ok(bySource(first, 'one') > 50);

  const moving = mails(40, 'gmail.com', { pool: 'moving' });
  await rig.send(...moving);
  await rig.until(() => deliveries(moving).length === 40, 'the old ones take what is too much for it');
  const [old, other] = [bySource(moving, 'one'), bySource(moving, 'fourth')];
  assert.ok(old >= 2 * other && other > 0, `${old} and ${other}, of three to one`);

  const key = await progress(['gmail'], Date.now() + 120_000);
  const alone = mails(3, 'gmail.com', { pool: 'new' });
  await rig.send(...alone);
  await rig.until(() => worker.stats().held === 3, 'they wait for the next day');
  const second = mails(20, 'gmail.com');
  await rig.send(...second);
  await rig.until(() => deliveries(second).length === 20, 'all of them');
  assert.equal(bySource(second, 'two'), 0);
  assert.equal(deliveries(alone).length, 0);
  rig.shift(121_000);
  await rig.until(() => worker.stats().held === 0, 'the next day');
  await rig.undo(key);
  await rig.until(() => deliveries(alone).length === 3, 'those that waited');
});

test('connections that fail in a row hold the lane; one probe opens it again', async () => {
  await rig.sandbox.behave('comcast', { unavailable: 'busy' });
  const failing = mails(2, 'comcast.net', { pool: 'single' });
  const laneIn = () => worker.stats().lanes.find(({ lane }) => lane === 'batch/comcast/one');
  await rig.send(...failing);
  await rig.until(() => laneIn()?.heldUntil !== undefined, 'the lane is held');
  const tasks = mails(5, 'comcast.net', { pool: 'single' });
  await rig.send(...tasks);
  await rig.until(() => laneIn()?.backlog === 5, 'they wait');
  await rig.sandbox.behave('comcast', { unavailable: 'no' });
  assert.equal(deliveries(tasks).length, 0);
  let shifted = 0;
  await rig.until(() => {
    // A probe that was under way before the provider came back has held the lane once more.
    const ahead = (laneIn()?.heldUntil ?? 0) - Date.now() - shifted;
    if (ahead > 0) rig.shift(ahead);
    shifted += Math.max(0, ahead);
    return deliveries(tasks).length === 5;
  }, 'the probe found it open');
  assert.equal(laneIn()?.heldUntil, undefined);
});

test('of two pools at one provider, the slow lane of one does not hold up what waits behind it for the other', async () => {
  // More than the window of their partition holds, and at one a second.
  const slow = mails(1_500, 'gmail.com', { pool: 'dull' });
  await rig.send(...slow);
  const others = mails(50, 'gmail.com', { pool: 'single' });
  await rig.send(...others);
  await rig.until(() => deliveries(others).length === 50, 'the other pool’s mail');
  const gone = deliveries(slow).length;
  assert.ok(gone < 400, `${gone} of the slow ones went first`);
  assert.ok(
    rig.delays.some(({ value }) => value.reason === 'lane_busy'),
    'those without room come back later',
  );
});
