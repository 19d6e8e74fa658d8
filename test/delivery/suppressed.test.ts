import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { suppressionKey, topics } from '@millrace/core';
import type { SuppressionChange } from '@millrace/schemas';
import { type DeliveryRig, startRig, unique } from './delivery-rig.ts';

let rig: DeliveryRig;
before(async () => {
  rig = await startRig({ isps: ['gmail'], sandbox: { verify: 'off' } });
});
after(() => rig.stop());

const change = (address: string, overrides: Partial<SuppressionChange>): Promise<void> => {
  const value: SuppressionChange = {
    ...{ change: 'added', time: Date.now(), tenant: 'acme', address, list: null, reason: 'complaint' },
    ...{ streams: [], expires_at: null, author: 'test', note: null, message_id: null },
    ...overrides,
  };
  const key = suppressionKey(value.tenant, address);
  return rig.producer.send('SuppressionChange', topics.suppressionChanges, { key, value });
};

test('batch mail to who was suppressed after it was routed is not sent; what was undone since is', async () => {
  const [gone, back, list, other] = ['gone', 'back', 'list', 'other'].map((name) =>
    rig.task(`${name}-${unique()}@gmail.com`, { category: name === 'other' ? 'offers' : 'news' }),
  );
  assert.ok(gone && back && list && other);
  await rig.send(gone, back, list, other);
  await change(gone.recipient, {});
  await change(back.recipient, {});
  await change(back.recipient, { change: 'removed', reason: '' });
  for (const task of [list, other])
    await change(task.recipient, { reason: 'unsubscribe', list: 'news', streams: ['batch'] });
  await rig.startWorker();
  for (const [task, kind] of [
    [gone, 'suppressed'],
    [back, 'delivered'],
    [list, 'suppressed'],
    [other, 'delivered'],
  ] as const) {
    const event = await rig.event(task, kind);
    if (kind === 'suppressed') assert.match(event.text ?? '', /suppressed: (complaint|unsubscribe)/);
  }
});
