import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newMessageId, topics } from '@millrace/core';
import { until } from '@millrace/kafka/testing';
import { Webhook } from 'standardwebhooks';
import {
  circuit,
  endpointOf,
  event,
  life,
  type Receiver,
  receiver,
  schedule,
  secret,
  webhooksRig,
} from './webhooks-rig.ts';

const order = ['message.deferred', 'message.delivered', 'message.complained'];

/** What was taken, without what was taken twice, by message. */
const typesByMessage = (receiver: Receiver): Map<unknown, string[]> => {
  const seen = new Set<string>();
  const types = new Map<unknown, string[]>();
  for (const { id, type, data } of receiver.events) {
    if (seen.has(id)) continue;
    seen.add(id);
    types.set(data.message_id, [...(types.get(data.message_id) ?? []), type]);
  }
  return types;
};

const postedEvents = (receiver: Receiver): number => new Set(receiver.events.map(({ id }) => id)).size;

test('a receiver that fails a third of the time gets every event, those of a message in order; each request is signed', async () => {
  await using hooked = await receiver();
  await using rig = await webhooksRig({ orders: endpointOf(hooked.url) });
  const service = await rig.start();
  hooked.answer = (request) => (request % 3 === 0 || request % 7 < 2 ? 500 : 200);
  const lives = Array.from({ length: 200 }, () => life());
  // Step by step, so that what comes later finds what was put off.
  for (const step of [0, 1, 2]) await rig.tell(...lives.flatMap((one) => one.slice(step, step + 1)));
  await until(() => postedEvents(hooked) === 600, 'every event');
  for (const types of typesByMessage(hooked).values()) assert.deepEqual(types, order);
  const [request] = hooked.requests;
  assert.ok(new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {}));
  assert.match(request?.headers['webhook-signature'] ?? '', /^v1,/);
  assert.equal(JSON.parse(request?.body ?? '').version, 1);
  assert.ok(hooked.most <= 4, 'no more requests at once than declared');
  assert.ok(hooked.requests.length < 600, 'events come in batches');
  await until(() => service.stats().waiting === 0 && service.stats().inHand === 0);
});

test('an event that an endpoint will not have holds up only its own message, and is given up with the reason', async () => {
  await using hooked = await receiver();
  await using rig = await webhooksRig({ orders: endpointOf(hooked.url) });
  const poison = newMessageId(Date.now());
  hooked.answer = (_request, body) =>
    body.includes(poison) && body.includes('"message.deferred"') ? 400 : 200;
  // Its own failures alone are not to open the circuit.
  const service = await rig.start({ circuit: { ...circuit, failures: 1_000 } });
  const others = Array.from({ length: 30 }, () => life());
  await rig.tell(...life(poison), ...others.flat());
  await until(() => typesByMessage(hooked).size === 30 && hooked.events.length >= 90, 'all the others');
  assert.equal(typesByMessage(hooked).get(poison), undefined, 'its later events wait for it');
  rig.shift(schedule.maxAgeMs);
  await until(() => service.stats().dead === 1, 'its end');
  await until(() => typesByMessage(hooked).get(poison)?.length === 2, 'the events behind it');
  assert.deepEqual(typesByMessage(hooked).get(poison), order.slice(1));
  const dead = await rig.dead('mail.webhook.acme.orders');
  assert.deepEqual(
    dead.map(({ value }) => value.event_id),
    [`${poison}:deferred`],
  );
  assert.match(dead[0]?.reason ?? '', /^not taken within 4 min; last: 400 said so$/);
  const tries = rig.log.filter(({ event_ids: ids }) => ids.includes(`${poison}:deferred`));
  assert.ok(tries.length > 3 && tries.every(({ status }) => status === 400));
  assert.ok(
    tries.some(({ event_ids: ids }) => ids.length === 1),
    'it was tried alone',
  );
});

test('a dead endpoint gets probes only, and slows no other; what it has not taken in time is given up', async () => {
  await using alive = await receiver();
  await using dead = await receiver();
  dead.answer = () => undefined;
  const endpoints = { alive: endpointOf(alive.url), dead: endpointOf(dead.url, { requests: 2 }) };
  await using rig = await webhooksRig(endpoints);
  // No answer counts as a failure after 2 s; refused connections at once.
  await dead[Symbol.asyncDispose]();
  const service = await rig.start();
  const lives = Array.from({ length: 300 }, () => life());
  await rig.tell(...lives.flat());
  await until(() => alive.events.length === 900, 'all of the other');
  await until(() => service.stats().open === 1, 'the circuit');
  const failed = rig.log.filter(({ endpoint }) => endpoint === 'acme/dead');
  assert.ok(failed.length > 0 && failed.every(({ outcome }) => outcome === 'failed'));
  assert.match(failed[0]?.error ?? '', /ECONNREFUSED/);
  await until(() => service.stats().inHand <= 500, 'no more than a window of its events in hand');
  assert.equal(service.stats().delayed, 0, 'nothing is moved while nothing is taken');
  // What is older than it may be is given up without being tried, all of it.
  rig.shift(schedule.maxAgeMs);
  await until(() => service.stats().dead === 900, 'the end of all');
});

test('a service that is ended in the middle loses nothing, and keeps the order of what was waiting', async () => {
  await using hooked = await receiver();
  await using rig = await webhooksRig({ orders: endpointOf(hooked.url) });
  const first = await rig.start();
  let broken = true;
  const late = new Set<string>();
  hooked.answer = (_request, body) => {
    if (broken && [...late].some((id) => body.includes(id))) return 503;
    return 200;
  };
  const lives = Array.from({ length: 60 }, () => life());
  for (const one of lives.slice(0, 10)) late.add(one[0]?.message_id ?? '');
  await rig.tell(...lives.flatMap((one) => one.slice(0, 1)));
  await until(() => first.stats().waiting === 10, 'ten messages in delay tiers');
  await first.stop();
  await rig.tell(...lives.flatMap((one) => one.slice(1, 2)));
  const second = await rig.start();
  await rig.tell(...lives.flatMap((one) => one.slice(2)));
  await until(() => typesByMessage(hooked).size === 50 && hooked.events.length >= 150, 'the others');
  broken = false;
  await until(() => postedEvents(hooked) === 180);
  for (const types of typesByMessage(hooked).values()) assert.deepEqual(types, order);
  await until(() => second.stats().waiting === 0);
});

test('types that were not asked for, events of other tenants and of the time before the endpoint are not posted; what is told twice is posted once', async () => {
  await using hooked = await receiver();
  await using rig = await webhooksRig({
    orders: endpointOf(hooked.url, { events: ['message.bounced'] }),
    off: endpointOf('https://192.0.2.1/', { enabled: false }),
  });
  const id = newMessageId(Date.now());
  await rig.tell(event(id, 'bounced', { time: Date.now() - 60_000, event_id: 'before' }));
  await rig.start();
  const bounced = event(id, 'bounced', {
    bounce_category: 'invalid_recipient',
    reply_code: 550,
    text: 'no such user',
  });
  await rig.tell(
    event(id, 'delivered'),
    event(id, 'bounced', { tenant: 'other', event_id: 'other' }),
    bounced,
    bounced,
  );
  const last = event(newMessageId(Date.now()), 'bounced_late');
  await rig.tell(last);
  await until(() => hooked.events.some((one) => one.id === last.event_id));
  assert.deepEqual(hooked.events.map((one) => one.id).sort(), [bounced.event_id, last.event_id].sort());
  assert.deepEqual(hooked.events.find((one) => one.id === bounced.event_id)?.data, {
    ...{ message_id: id, request_id: 'r', stream: 'batch', category: null, campaign: 'spring' },
    ...{ recipient: 'ada@gmail.com', tags: ['a'], metadata: { order: '7' }, isp: 'gmail', pool: 'batch' },
    ...{ source: 'ip1', attempt: 1, mx: 'mx.google.test', phase: 'body', reply_code: 550 },
    ...{ enhanced_code: '2.0.0', text: 'no such user', reason: 'invalid_recipient', late: false },
  });
  const lag = await rig.kafka.lag({ groups: ['webhooks-fan-out'], topics: [topics.events] });
  assert.ok(lag.length > 0);
});

test('every secret signs; Retry-After is kept; a redirect is not followed', async () => {
  await using hooked = await receiver();
  await using elsewhere = await receiver();
  const next = `whsec_${Buffer.from('the next secret of this endpoint').toString('base64')}`;
  await using rig = await webhooksRig({ orders: endpointOf(hooked.url, { secrets: [next, secret] }) });
  await rig.start();
  const answers = [
    { status: 429, headers: { 'retry-after': '1' } },
    { status: 307, headers: { location: elsewhere.url } },
  ];
  hooked.answer = (request) => answers[request - 1] ?? 200;
  await rig.tell(event(newMessageId(Date.now()), 'delivered'));
  await until(() => hooked.events.length === 1);
  assert.equal(elsewhere.requests.length, 0);
  const [limited, redirected, taken] = rig.log;
  await until(() => rig.log.length === 3);
  assert.ok((redirected?.time ?? 0) - (limited?.time ?? 0) >= 199, 'the longest wait of this test');
  assert.equal(redirected?.error, '307: redirects are not followed');
  assert.equal(taken?.outcome ?? rig.log[2]?.outcome, 'delivered');
  assert.equal(new Set(hooked.ids).size, 1, 'a request that is repeated keeps its id');
  const { body, headers } = hooked.requests[0] ?? { body: '', headers: {} };
  for (const one of [next, secret]) assert.ok(new Webhook(one).verify(body, headers));
  assert.ok(!JSON.stringify(rig.log).includes(secret.slice(6)));
});
