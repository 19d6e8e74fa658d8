import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Delivery } from '@millrace/delivery';
import { type Shaper, startShaping } from '@millrace/shaper';
import { type DeliveryRig, silent, startRig, unique } from '../delivery/delivery-rig.ts';

/** What the sandbox says of a blocked address, at whichever provider. */
const yaml = `
automation:
  - name: blocked
    match: '^55\\d .*block'
    after: 4
    suspend: true
    alert: blocked
    for: 1h
    recover: { from: 60/min, every: 5m }
  - name: unknown-users
    match: '^550 5\\.1\\.1 '
    after: 2
    limit: { max_message_rate: 1/min }
    for: 1h
`;

let rig: DeliveryRig;
let workers: readonly Delivery[];
let shaper: Shaper;
before(async () => {
  rig = await startRig({ isps: ['gmail', 'yahoo', 'comcast'], partitions: 2, sandbox: { verify: 'off' } });
  workers = [await rig.startWorker(), await rig.startWorker()];
  shaper = await startShaping({
    kafka: rig.kafka,
    logger: silent,
    shaping: { yaml, name: 'test.yaml' },
    act: true,
  });
  await rig.until(() => shaper.ready, 'the shaper');
});
after(async () => {
  await shaper.stop();
  await rig.stop();
});

const held = (): number => workers.reduce((sum, worker) => sum + worker.stats().held, 0);

test('answers that several workers got suspend the lane on all of them, and only that lane', async () => {
  const blocked = Array.from({ length: 4 }, () => rig.task(`blocked+${unique()}@gmail.com`));
  await rig.send(...blocked);
  const firing = await rig.until(() => rig.events.find(({ kind }) => kind === 'shaped'), 'the firing');
  assert.ok(blocked.some(({ message_id }) => message_id === firing.message_id));
  assert.equal(firing.metadata.scope, 'lane:batch/gmail/one');
  await rig.until(() => workers.every((worker) => worker.stats().controls === 2), 'the controls');
  const waiting = rig.task(`${unique()}@gmail.com`);
  const free = rig.task(`${unique()}@yahoo.com`);
  await rig.send(waiting, free);
  await rig.event(free, 'delivered');
  await rig.until(() => held() === 1, 'the mail to the suspended lane');
  assert.deepEqual(rig.kindsOf(waiting), []);
  await rig.undo('suspension|lane:batch/gmail/one');
  await rig.event(waiting, 'delivered');
});

test('a limit that a rule sets holds for the workers at once', async () => {
  const unknown = Array.from({ length: 2 }, () => rig.task(`unknown+${unique()}@comcast.net`));
  await rig.send(...unknown);
  await rig.until(() => shaper.stats().firings.get('unknown-users') === 1, 'the firing');
  await rig.until(() => workers.every((worker) => worker.stats().controls === 2), 'the control');
  const tasks = Array.from({ length: 20 }, () => rig.task(`${unique()}@comcast.net`));
  const others = Array.from({ length: 20 }, () => rig.task(`${unique()}@yahoo.com`));
  await rig.send(...tasks, ...others);
  const delivered = (of: typeof tasks): number =>
    of.filter((task) => rig.kindsOf(task).includes('delivered')).length;
  await rig.until(() => delivered(others) === 20, 'the other lane');
  assert.ok(delivered(tasks) <= 2, `${delivered(tasks)} mails at one a minute`);
});
