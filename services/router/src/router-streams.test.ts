import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { topics } from '@millrace/core';
import { type RouterRig, requestTo, startRig } from './router-rig.ts';

const backlog = 3_000;

let rig: RouterRig;
before(async () => {
  rig = await startRig();
  rig.dns.set('gmail.com', { kind: 'mx', hosts: [{ exchange: 'mx.google.com', preference: 5 }], ttl: 300 });
});
after(() => rig.stop());

const taskTo = (recipient: string) =>
  rig.until(() => rig.tasks.find(({ value }) => value.recipient === recipient));
const urgentTo = (recipient: string) => ({ ...requestTo(recipient), category: 'otp' });

test('a realtime request is routed while a batch waits for a router that does not run', async () => {
  const recipients = Array.from({ length: backlog }, (_, number) => `waits-${number}@gmail.com`);
  await Promise.all(recipients.map((recipient) => rig.send(requestTo(recipient))));
  await rig.startRouter('realtime');
  await rig.send(urgentTo('urgent@gmail.com'), 'realtime');
  assert.equal((await taskTo('urgent@gmail.com')).topic, 'mail.realtime.gmail');
  assert.deepEqual(
    rig.tasks.filter(({ topic }) => topic === 'mail.batch.gmail'),
    [],
  );

  await rig.startRouter('batch');
  const routed = await rig.until(() => {
    const tasks = rig.tasks.filter(({ topic }) => topic === 'mail.batch.gmail');
    return tasks.length >= backlog ? tasks : undefined;
  });
  assert.deepEqual(new Set(routed.map(({ value }) => value.recipient)), new Set(recipients));
  assert.equal(routed.length, backlog);
});

test('the request says its stream, whatever topic it is on', async () => {
  await rig.send(urgentTo('urgent-behind@gmail.com'), 'batch');
  await rig.send({ ...requestTo('slow-ahead@gmail.com'), stream: 'batch' }, 'realtime');
  const urgent = await taskTo('urgent-behind@gmail.com');
  assert.equal(urgent.topic, 'mail.realtime.gmail');
  assert.equal(urgent.value.pool, 'fast');
  const slow = await taskTo('slow-ahead@gmail.com');
  assert.equal(slow.topic, 'mail.batch.gmail');
  assert.equal(slow.value.pool, 'bulk');
});

test('a realtime message that waits comes back to the realtime requests', async () => {
  rig.dns.set('away.example', { kind: 'temporary', reason: 'SERVFAIL' });
  await rig.send(urgentTo('a@away.example'), 'realtime');
  await rig.send(urgentTo('b@away.example'), 'batch');
  const waiting = await rig.until(() => (rig.delays.length >= 2 ? rig.delays : undefined));
  assert.deepEqual(
    waiting.map(({ value }) => value.target_topic),
    [topics.realtimeRequests, topics.realtimeRequests],
  );
  rig.dns.set('away.example', {
    kind: 'mx',
    hosts: [{ exchange: 'mx.google.com', preference: 5 }],
    ttl: 300,
  });
  rig.shift(11_000);
  for (const { value } of waiting) await rig.producer.sendBytes(value.target_topic, value);
  for (const recipient of ['a@away.example', 'b@away.example'])
    assert.equal((await taskTo(recipient)).topic, 'mail.realtime.gmail');
});

test('what is no request on the realtime topic is a dead letter of that topic', async () => {
  await rig.send({ ...urgentTo('x@gmail.com'), tenant: 'nobody' }, 'realtime');
  const letter = await rig.until(() => rig.deadLetters.find(({ value }) => value.tenant === 'nobody'));
  assert.equal(letter.topic, 'mail.requests.realtime.dlq');
});
