import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { DeliveryTask } from '@millrace/schemas';
import { type DeliveryRig, startRig, unique } from '../delivery/delivery-rig.ts';

const shaping = `
limits:
  - { by: tenant, match: slow, max_message_rate: 2/s, burst: 1 }
  - { by: campaign, match: acme/spring, max_message_rate: 2/s, burst: 1 }
  - { by: tag, match: '*', max_message_rate: 1000/s }
`;

let rig: DeliveryRig;
before(async () => {
  rig = await startRig({ isps: ['gmail', 'yahoo'], partitions: 2, sandbox: { verify: 'off' }, shaping });
  await Promise.all([rig.startWorker(), rig.startWorker()]);
});
after(() => rig.stop());

const mails = (count: number, overrides: Partial<DeliveryTask>): DeliveryTask[] =>
  Array.from({ length: count }, (_, index) =>
    rig.task(`${unique()}-${index}@${index % 2 === 0 ? 'gmail.com' : 'yahoo.com'}`, overrides),
  );
const deliveredAt = (tasks: readonly DeliveryTask[]): readonly number[] => {
  const ids = new Set(tasks.map(({ message_id }) => message_id));
  return rig.events
    .filter(({ kind, message_id }) => kind === 'delivered' && ids.has(message_id))
    .map(({ time }) => time)
    .sort((a, b) => a - b);
};

for (const [what, limited] of [
  ['a tenant', { tenant: 'slow' }],
  ['a campaign', { tenant: 'acme', campaign: 'spring' }],
] as const) {
  test(`${what} keeps to its rate over providers and workers; others of the same lanes do not wait for it`, async () => {
    const slow = mails(9, limited);
    const free = mails(60, { tenant: 'acme', tags: ['a', 'b'] });
    await rig.send(...slow, ...free);
    await rig.until(() => deliveredAt(free).length === 60, 'those that nothing limits');
    await rig.until(() => deliveredAt(slow).length === 9, 'those that are limited');
    const times = deliveredAt(slow);
    const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000;
    // Eight intervals of half a second; one may be late on its way, and the first too.
    assert.ok(seconds >= 3.4, `${seconds} s for nine mails at two a second`);
    const lastFree = deliveredAt(free).at(-1) ?? 0;
    assert.ok(lastFree < (times.at(-1) ?? 0), 'all of the others before the last of these');
  });
}
