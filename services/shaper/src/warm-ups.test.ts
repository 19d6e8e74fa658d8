import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOfDay, type SourceWarmUp, usualThresholds } from '@millrace/core';
import { until } from '@millrace/kafka/testing';
import { answer, lane, type ShaperRig, shaperRig } from './shaper-rig.ts';

const dayMs = 86_400_000;

const warmUp: SourceWarmUp = {
  source: 'ip1',
  plan: { name: 'own', days: 2, firstDay: { gmail: 10 }, growth: 3 },
  start: '2020-01-01',
  timeZone: 'Europe/Berlin',
  thresholds: usualThresholds,
};

const delivered = (rig: ShaperRig, count: number, over: Parameters<typeof answer>[0] = {}) =>
  Array.from({ length: count }, () =>
    answer({
      kind: 'delivered',
      reply_code: 250,
      enhanced_code: '2.0.0',
      text: 'OK',
      time: rig.now(),
      ...over,
    }),
  );
const deferred = (rig: ShaperRig, count: number) =>
  Array.from({ length: count }, () =>
    answer({ kind: 'deferred', reply_code: 450, text: 'later', time: rig.now() }),
  );
const progressOf = (rig: ShaperRig) => rig.table.warmUpOf('ip1');

test('a provider that has had the mails of its day gets no more until the next, whatever restarts', async () => {
  await using rig = await shaperRig();
  const options = { warmUps: [warmUp] };
  const first = await rig.start(options);
  await until(() => progressOf(rig)?.day === 1, 'the first day');
  assert.equal(progressOf(rig)?.caps.gmail, 10);
  await rig.tell(
    ...delivered(rig, 6),
    ...delivered(rig, 20, { source: 'ip2' }),
    ...delivered(rig, 20, { isp: 'yahoo' }),
  );
  await until(() => first.stats().events === 46);
  await first.stop();
  assert.equal(rig.table.blocking(lane, rig.now()), undefined, 'six are not ten');
  const second = await rig.start(options);
  await rig.tell(...delivered(rig, 4));
  await until(() => rig.table.blocking(lane, rig.now()) !== undefined, 'the tenth mail');
  const blocking = rig.table.blocking(lane, rig.now());
  assert.equal(blocking?.until, endOfDay(rig.now(), 'Europe/Berlin'));
  assert.match(blocking.control.reason, /10 mails to gmail are out: day 1 of the warm-up plan own/);
  assert.equal(rig.table.blocking({ ...lane, source: 'ip2' }, rig.now()), undefined);
  assert.equal(
    rig.table.blocking({ ...lane, isp: 'yahoo' }, rig.now()),
    undefined,
    'the plan has no cap for it',
  );
  await second.stop();
});

test('days follow each other while they are good; a bad one is repeated and says why; the last one ends it', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start({ warmUps: [warmUp] });
  await until(() => progressOf(rig)?.day === 1, 'the first day');
  await rig.tell(...delivered(rig, 10));
  await until(() => shaper.stats().events === 10);
  rig.shift(dayMs);
  await until(() => progressOf(rig)?.day === 2, 'the second day');
  assert.equal(progressOf(rig)?.caps.gmail, 30);
  assert.deepEqual(progressOf(rig)?.spent, []);
  await rig.tell(...delivered(rig, 21), ...deferred(rig, 9));
  await until(() => shaper.stats().events === 40);
  const bad = progressOf(rig)?.date;
  rig.shift(dayMs);
  await until(() => progressOf(rig)?.date !== bad, 'the day after a bad one');
  assert.equal(progressOf(rig)?.day, 2);
  assert.equal(progressOf(rig)?.reason, 'the day is repeated: 30 % deferred, above 20 %');
  await rig.tell(...delivered(rig, 30));
  await until(() => shaper.stats().events === 70);
  rig.shift(dayMs);
  await until(() => progressOf(rig)?.completed === true, 'the end of the plan');
  assert.deepEqual(progressOf(rig)?.caps, {});
  assert.equal(rig.table.blocking(lane, rig.now()), undefined);
  await shaper.stop();
});

test('an operator holds a day', async () => {
  await using rig = await shaperRig();
  const shaper = await rig.start({ warmUps: [warmUp] });
  await until(() => progressOf(rig)?.day === 1, 'the first day');
  await rig.control('hold|warmup:ip1', {
    ...{ kind: 'hold', scope: 'warmup:ip1', until: null, reason: 'waiting for PTR', author: 'ada' },
    ...{ set_at: rig.now(), value: null },
  });
  await rig.tell(...delivered(rig, 10));
  await until(() => shaper.stats().events === 10 && shaper.stats().controls === 2);
  const held = progressOf(rig)?.date;
  rig.shift(dayMs);
  await until(() => progressOf(rig)?.date !== held, 'the next calendar day');
  assert.equal(progressOf(rig)?.day, 1);
  assert.equal(progressOf(rig)?.reason, 'held by ada');
  await shaper.stop();
});
