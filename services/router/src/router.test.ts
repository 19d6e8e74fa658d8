import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isMessageId, messageIdTime, suppressionKey, templateKey, topics } from '@millrace/core';
import type { DeliveryTask, MessageEvent } from '@millrace/schemas';
import { type RouterRig, requestTo, startRig } from './router-rig.ts';

let rig: RouterRig;

const mx = (...hosts: readonly string[]) =>
  ({
    kind: 'mx',
    hosts: hosts.map((exchange, index) => ({ exchange, preference: index * 10 })),
    ttl: 300,
  }) as const;

const taskTo = (
  recipient: string,
): Promise<DeliveryTask & { readonly topic: string; readonly key: string }> =>
  rig.until(() => {
    const found = rig.tasks.find(({ value }) => value.recipient === recipient);
    return found && { ...found.value, topic: found.topic, key: found.key?.toString() ?? '' };
  });
const eventOf = (recipient: string, kind: string): Promise<MessageEvent> =>
  rig.until(() => rig.events.find((event) => event.recipient === recipient && event.kind === kind));
const delayOf = (messageId: string, nth = 0) =>
  rig.until(() => rig.delays.filter(({ value }) => value.message_id === messageId)[nth]);

before(async () => {
  rig = await startRig();
  rig.dns.set('gmail.com', mx('gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'));
  rig.dns.set('contoso.example', mx('contoso-example.mail.protection.outlook.com'));
  rig.dns.set('small.example', mx('small.example'));
  rig.dns.set('xn--bcher-kva.example', mx('mx.xn--bcher-kva.example'));
  rig.dns.set('null.example', { kind: 'null_mx' });
  // Written before the router starts: it has to know them before it routes anything.
  await rig.producer.send('Suppression', topics.suppressions, {
    key: suppressionKey('acme', 'gone@gmail.com'),
    value: {
      tenant: 'acme',
      address: 'gone@gmail.com',
      reason: 'bounce',
      streams: [],
      created_at: 1,
      expires_at: null,
      message_id: null,
      note: null,
      list: null,
      author: '',
    },
  });
  await rig.send(requestTo('Gone@gmail.com', 'first@gmail.com'));
  await rig.startRouter();
});
after(() => rig.stop());

test('a request becomes one task per recipient, on the shard of its stream and provider', async () => {
  await rig.send({ ...requestTo('a@gmail.com', 'b@contoso.example'), campaign: 'spring', tags: ['x'] });
  const a = await taskTo('a@gmail.com');
  const b = await taskTo('b@contoso.example');
  assert.equal(a.topic, 'mail.batch.gmail');
  assert.equal(a.key, 'gmail.com');
  assert.equal(a.site, '(alt1)?.gmail-smtp-in.l.google.com');
  assert.equal(b.topic, 'mail.batch.office365');
  assert.equal(a.pool, 'bulk');
  assert.equal(a.campaign, 'spring');
  assert.equal(a.request_id, b.request_id);
  assert.notEqual(a.message_id, b.message_id);
  assert.equal(a.expires_at - a.accepted_at, 72 * 3_600_000);
  await eventOf('a@gmail.com', 'routed');
  assert.deepEqual(rig.kindsOf('a@gmail.com'), ['accepted', 'routed']);
});

test('what was suppressed before the start is never routed', async () => {
  const event = await eventOf('Gone@gmail.com', 'suppressed');
  assert.match(event.text ?? '', /bounce/);
  await taskTo('first@gmail.com');
  assert.deepEqual(rig.kindsOf('Gone@gmail.com'), ['accepted', 'suppressed']);
});

test('a suppression that is lifted counts no more', async () => {
  const key = suppressionKey('acme', '@small.example');
  await rig.producer.send('Suppression', topics.suppressions, {
    key,
    value: {
      tenant: 'acme',
      address: '@small.example',
      reason: 'manual',
      streams: ['batch'],
      created_at: 1,
      expires_at: null,
      message_id: null,
      note: null,
      list: null,
      author: '',
    },
  });
  // The follower has no acknowledgement: messages are sent until the first is suppressed, then until one is not.
  const sendUntil = async (kind: string, name: string): Promise<void> => {
    for (let n = 0; n < 100; n++) {
      const recipient = `${name}${n}@small.example`;
      await rig.send(requestTo(recipient));
      const kinds = await rig.until(() => {
        const seen = rig.kindsOf(recipient);
        return seen.length === 2 ? seen : undefined;
      });
      if (kinds[1] === kind) return;
    }
    assert.fail(`never ${kind}`);
  };
  await sendUntil('suppressed', 'on');
  await rig.send({ ...requestTo('urgent@small.example'), category: 'otp' });
  assert.equal((await taskTo('urgent@small.example')).topic, 'mail.realtime.other');
  await rig.producer.sendTombstone(topics.suppressions, key);
  await sendUntil('routed', 'off');
});

test('a category decides stream, pool and deadline', async () => {
  await rig.send({ ...requestTo('otp@gmail.com'), category: 'otp', guarantee: 'at_most_once' });
  const task = await taskTo('otp@gmail.com');
  assert.equal(task.topic, 'mail.realtime.gmail');
  assert.equal(task.pool, 'fast');
  assert.equal(task.deadline - task.accepted_at, 10_000);
  assert.equal(task.guarantee, 'at_most_once');
});

test("a producer's own ids and times are kept; without them they come from the record", async () => {
  const id = '018bcfe5-6800-7000-8000-000000000001';
  const [recipient] = requestTo('own@gmail.com').recipients;
  assert.ok(recipient !== undefined);
  const acceptedAt = Date.now() - 1_000;
  await rig.send({
    ...requestTo(),
    request_id: 'order-7',
    accepted_at: acceptedAt,
    recipients: [{ ...recipient, message_id: id }],
  });
  const own = await taskTo('own@gmail.com');
  assert.equal(own.message_id, id);
  assert.equal(own.request_id, 'order-7');
  assert.equal(own.accepted_at, acceptedAt);
  await rig.send(requestTo('derived@gmail.com'));
  const derived = await taskTo('derived@gmail.com');
  assert.ok(isMessageId(derived.message_id));
  assert.equal(messageIdTime(derived.message_id), derived.accepted_at);
});

test("a recipient's variables are merged over the request's", async () => {
  const [recipient] = requestTo('merged@gmail.com').recipients;
  assert.ok(recipient !== undefined);
  await rig.send({
    ...requestTo(),
    variables: '{"a":1,"b":{"c":1}}',
    recipients: [{ ...recipient, variables: '{"b":2}' }],
  });
  assert.equal((await taskTo('merged@gmail.com')).variables, '{"a":1,"b":2}');
});

test('international domains and local parts are routed by their A-labels', async () => {
  await rig.send(requestTo('jörg@BÜCHER.example'));
  const task = await taskTo('jörg@BÜCHER.example');
  assert.equal(task.domain, 'xn--bcher-kva.example');
  assert.equal(task.topic, 'mail.batch.other');
});

test('a null MX bounces at once, and so does a domain that does not exist', async () => {
  await rig.send(requestTo('a@null.example', 'b@nowhere.example'));
  const nullMx = await eventOf('a@null.example', 'bounced');
  assert.deepEqual([nullMx.reply_code, nullMx.enhanced_code, nullMx.phase], [556, '5.1.10', 'dns']);
  const noDomain = await eventOf('b@nowhere.example', 'bounced');
  assert.equal(noDomain.enhanced_code, '5.1.2');
});

test('a domain is looked up once for many messages', async () => {
  rig.dns.set('once.example', mx('mx.once.example'));
  const addresses = Array.from({ length: 120 }, (_, n) => `u${n}@once.example`);
  await rig.send(requestTo(...addresses));
  await Promise.all(addresses.map(taskTo));
  assert.equal(rig.lookups.filter((domain) => domain === 'once.example').length, 1);
});

test('a DNS failure puts off the one message, longer each time, until DNS answers', async () => {
  rig.dns.set('flaky.example', { kind: 'temporary', reason: 'SERVFAIL' });
  await rig.send(requestTo('ok@gmail.com', 'later@flaky.example'));
  await taskTo('ok@gmail.com');
  const deferred = await eventOf('later@flaky.example', 'deferred');
  assert.equal(deferred.text, 'SERVFAIL');
  const first = await delayOf(deferred.message_id);
  assert.equal(first.value.due_at - first.value.enqueued_at, 10_000);
  assert.equal(first.value.target_topic, topics.requests);
  const { key, value } = first.value;
  rig.shift(11_000);
  await rig.producer.sendBytes(topics.requests, { key, value });
  const second = await delayOf(deferred.message_id, 1);
  assert.equal(second.value.due_at - second.value.enqueued_at, 20_000);
  rig.dns.set('flaky.example', mx('mx.flaky.example'));
  rig.shift(21_000);
  await rig.producer.sendBytes(topics.requests, second.value);
  assert.equal((await taskTo('later@flaky.example')).message_id, deferred.message_id);
  await eventOf('later@flaky.example', 'routed');
  assert.deepEqual(rig.kindsOf('later@flaky.example'), ['accepted', 'deferred', 'deferred', 'routed']);
});

test('a message for later waits, and is looked at anew when it is due', async () => {
  const dueAt = Date.now() + 10 * 60_000 + 90_000;
  await rig.send({ ...requestTo('tomorrow@gmail.com'), send_at: dueAt });
  const { message_id: id } = await eventOf('tomorrow@gmail.com', 'accepted');
  const waiting = await delayOf(id);
  assert.equal(waiting.topic, 'mail.delay.10m');
  assert.equal(waiting.value.due_at, dueAt);
  assert.equal(waiting.value.reason, 'send_at');
  rig.shift(12 * 60_000);
  await rig.producer.sendBytes(topics.requests, waiting.value);
  const task = await taskTo('tomorrow@gmail.com');
  assert.equal(task.message_id, id);
  assert.equal(task.send_at, dueAt);
  assert.equal(task.deadline - dueAt, 86_400_000);
});

test('a message that is too old expires', async () => {
  const now = Date.now();
  await rig.send({ ...requestTo('old@gmail.com'), accepted_at: now - 10_000, expires_at: now - 5_000 });
  await eventOf('old@gmail.com', 'expired');
  assert.deepEqual(rig.kindsOf('old@gmail.com'), ['accepted', 'expired']);
});

test('a template without version is pinned to its newest', async () => {
  const template = {
    tenant: 'acme',
    template_id: 'welcome',
    language: 'liquid',
    subject: 'Hi',
    text: 'Hi',
    html: null,
    headers: [],
    created_at: 1,
    deleted: false,
  };
  for (const version of [1, 2]) {
    await rig.producer.send('Template', topics.templates, {
      key: templateKey('acme', 'welcome', version),
      value: { ...template, version },
    });
  }
  const byTemplate = { composed: null, template_id: 'welcome' };
  await rig.send({ ...requestTo('newest@gmail.com'), ...byTemplate });
  assert.equal((await taskTo('newest@gmail.com')).template_version, 2);
  await rig.send({ ...requestTo('pinned@gmail.com'), ...byTemplate, template_version: 1 });
  assert.equal((await taskTo('pinned@gmail.com')).template_version, 1);
  await rig.send({ ...requestTo('none@gmail.com'), composed: null, template_id: 'unknown' });
  const rejected = await eventOf('none@gmail.com', 'rejected');
  assert.match(rejected.text ?? '', /no template "unknown"/);
});

test('a request that nobody can send is rejected for every recipient and kept as a dead letter', async () => {
  await rig.send({ ...requestTo('x@gmail.com', 'y@gmail.com'), tenant: 'nobody' });
  assert.match((await eventOf('x@gmail.com', 'rejected')).text ?? '', /no tenant "nobody"/);
  await eventOf('y@gmail.com', 'rejected');
  await rig.until(() => rig.deadLetters.find(({ value }) => value.tenant === 'nobody'));
});

test('one bad address refuses that message, not the others', async () => {
  await rig.send(requestTo('fine@gmail.com', 'not an address'));
  await taskTo('fine@gmail.com');
  await eventOf('not an address', 'rejected');
});

test('a raw message of 200 KiB passes through byte for byte', async () => {
  const raw = Buffer.alloc(200 * 1_024);
  for (let index = 0; index < raw.length; index++) raw[index] = (index * 7) & 0xff;
  await rig.send({ ...requestTo('raw@gmail.com'), composed: null, raw });
  assert.ok((await taskTo('raw@gmail.com')).raw?.equals(raw));
});

test('nothing that is not a request stops the others', async () => {
  await rig.producer.sendBytes(topics.requests, { key: 'x', value: Buffer.from('not Avro') });
  await rig.send(requestTo('behind@gmail.com'));
  await taskTo('behind@gmail.com');
});
