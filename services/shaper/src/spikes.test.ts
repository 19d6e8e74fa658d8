import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpikeSettings } from '@millrace/core';
import { until } from '@millrace/kafka/testing';
import { answer, lane, type ShaperRig, shaperRig } from './shaper-rig.ts';

const hour = 3_600_000;
const measure = { warnShare: 0.05, pauseShare: 0.1, leastMails: 20, leastCount: 3, windowMs: hour };
const spikes: SpikeSettings = {
  suspend: ['campaign'],
  measures: { complaints: measure, bounces: measure, blocks: { ...measure, leastCount: 1_000 } },
};
const key = 'suspension|campaign:acme/spring';
const mail = { campaign: 'spring', pool: 'main' };

const events = (count: number, kind: string, over: Parameters<typeof answer>[0] = {}) =>
  Array.from({ length: count }, () => {
    const of = answer({ kind, reply_code: 250, text: 'OK', bounce_category: null, ...mail, ...over });
    return { ...of, event_id: `${of.message_id}:${kind}` };
  });
const spikeScopes = (rig: ShaperRig, level: string): string[] =>
  rig.spikes.filter(({ metadata }) => metadata.level === level).map(({ metadata }) => metadata.scope ?? '');

test('complaints of all workers suspend the batch mail of their campaign, alert for the others, and touch no realtime mail', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start({ spikes });
  await rig.tell(...events(40, 'delivered'), ...events(40, 'delivered', { stream: 'realtime' }));
  await until(() => shaper.stats().events === 80);
  await rig.tell(...events(40, 'complained', { stream: 'realtime' }), ...events(3, 'complained'));
  await until(() => rig.spikes.length === 5, 'warnings of campaign, tenant, pool, source and provider');
  assert.equal(rig.table.get(key), undefined);
  await rig.tell(...events(1, 'complained'));
  await until(() => rig.table.get(key) !== undefined, 'the suspension');
  const message = { ...lane, tenant: 'acme', campaign: 'spring' };
  assert.match(
    rig.table.blocking(message, rig.now())?.control.reason ?? '',
    /^4 complaints of 40 mails in 1 h: 10 %$/,
  );
  assert.equal(rig.table.blocking({ ...message, stream: 'realtime' }, rig.now()), undefined);
  assert.equal(rig.table.blocking({ ...message, campaign: 'summer' }, rig.now()), undefined);
  await until(() => spikeScopes(rig, 'pause').length === 5);
  assert.equal(rig.table.size, 1, 'the others are only told');
  assert.equal(shaper.stats().spikes.get('complaints pause'), 5);
  await shaper.stop();
});

test('a restart knows what was counted and done; what came meanwhile counts; what an operator resumed is counted anew', async () => {
  await using rig = await shaperRig();
  const first = await rig.start({ spikes });
  await rig.tell(...events(40, 'delivered'));
  await until(() => first.stats().events === 40);
  await rig.settled();
  await first.stop();
  await rig.tell(...events(6, 'complained'));
  const second = await rig.start({ spikes });
  await until(() => rig.table.get(key) !== undefined, 'the suspension');
  await until(() => spikeScopes(rig, 'pause').length === 5);
  await rig.settled();
  await second.stop();
  const third = await rig.start({ spikes });
  await rig.tell(...events(2, 'complained'));
  await until(() => third.stats().events >= 2);
  await rig.settled();
  assert.equal(third.stats().spikes.size, 0, 'it is known');
  await rig.control(key, null);
  await until(() => third.stats().controls === 0, 'the operator’s hand');
  await rig.tell(...events(19, 'delivered'), ...events(5, 'complained'), ...events(1, 'delivered'));
  await until(() => rig.table.get(key) !== undefined, 'the suspension of what came since');
  assert.match(rig.table.get(key)?.reason ?? '', /^[3-5] complaints of 20 mails/);
  await third.stop();
});

test('bounces suspend too; told not to act, it only says so', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start({ spikes, act: false });
  await rig.tell(...events(30, 'delivered'));
  await until(() => shaper.stats().events === 30);
  await rig.tell(...events(10, 'bounced', { bounce_category: 'invalid_recipient', reply_code: 550 }));
  await until(() => spikeScopes(rig, 'pause').includes('campaign:acme/spring'));
  assert.match(rig.spikes.at(-1)?.text ?? '', /bounces of \d+ mails/);
  assert.equal(rig.table.size, 0);
  await shaper.stop();
});
