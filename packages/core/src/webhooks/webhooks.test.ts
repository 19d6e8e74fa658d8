import assert from 'node:assert/strict';
import { test } from 'node:test';
import { avroSchemas } from '@millrace/schemas';
import fc from 'fast-check';
import {
  afterEndpointFailure,
  freshCircuit,
  isOpen,
  mayPost,
  retryAfterMs,
  usualCircuit,
} from './endpoint-circuit.ts';
import { placeOf, withWaiting } from './message-order.ts';
import { shownUrl, webhookEndpoints } from './webhook-endpoint.ts';
import { batchLimit, quickWaitMs, slowWaitMs, usualSchedule } from './webhook-schedule.ts';
import { postedKinds, usualTypes, webhookTypeOf, webhookTypes } from './webhook-types.ts';

const hour = 3_600_000;

test('events of a message are posted in their order, whatever fails, waits and comes back twice', () => {
  // Steps: 0 takes the next event from the log, 1 posts what is in hand with success, 2 puts it off, 3 and up bring one back.
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 60 }), (steps) => {
      const log = ['a', 'b', 'c', 'd'];
      const posted: string[] = [];
      const tier: string[] = [];
      let waiting: readonly string[] = [];
      let inHand: string[] = [];
      const come = (id: string, returned: boolean): void => {
        const place = placeOf(id, returned, waiting, new Set(inHand));
        if (place === 'in hand') inHand.push(id);
        if (place !== 'behind') return;
        waiting = withWaiting(waiting, [id]);
        tier.push(id);
      };
      const post = (): void => {
        const id = inHand.shift();
        if (id === undefined) return;
        posted.push(id);
        waiting = waiting.filter((one) => one !== id);
      };
      const step = (what: number): void => {
        if (what === 0) {
          const id = log.shift();
          if (id !== undefined) come(id, false);
        } else if (what === 1) post();
        else if (what === 2) {
          waiting = withWaiting(waiting, inHand);
          tier.push(...inHand);
          inHand = [];
        } else {
          const id = tier[what % Math.max(1, tier.length)];
          if (id === undefined) return;
          // Odd steps tell it twice, as a process does that was killed.
          if (what % 2 === 0) tier.splice(tier.indexOf(id), 1);
          come(id, true);
        }
      };
      for (const what of steps) step(what);
      for (let round = 0; round < 40; round += 1) {
        step(0);
        for (const id of tier.splice(0)) come(id, true);
        post();
      }
      assert.deepEqual(posted, ['a', 'b', 'c', 'd']);
      assert.deepEqual(waiting, []);
    }),
  );
});

test('a circuit opens after failures in a row, then takes one request at a time, each later than the one before', () => {
  let circuit = freshCircuit;
  for (let failure = 0; failure < 4; failure += 1)
    circuit = afterEndpointFailure(circuit, usualCircuit, null, 0);
  assert.ok(mayPost(circuit, usualCircuit, 3, 0), 'four are not five');
  const waits: number[] = [];
  for (let failure = 0; failure < 9; failure += 1) {
    circuit = afterEndpointFailure(circuit, usualCircuit, null, 0);
    assert.ok(isOpen(circuit, usualCircuit));
    assert.ok(!mayPost(circuit, usualCircuit, 0, circuit.closedUntil - 1));
    assert.ok(mayPost(circuit, usualCircuit, 0, circuit.closedUntil));
    assert.ok(!mayPost(circuit, usualCircuit, 1, circuit.closedUntil), 'a probe is alone');
    waits.push(circuit.closedUntil);
  }
  assert.deepEqual(waits.slice(0, 3), [5_000, 10_000, 20_000]);
  assert.equal(waits.at(-1), 300_000);
});

test('what an endpoint asks for with Retry-After is kept, up to the longest wait', () => {
  assert.equal(retryAfterMs('120', 0), 120_000);
  assert.equal(retryAfterMs('Wed, 21 Oct 2015 07:28:00 GMT', Date.parse('2015-10-21T07:27:00Z')), 60_000);
  assert.equal(retryAfterMs('soon', 0), null);
  const held = afterEndpointFailure(freshCircuit, usualCircuit, 60_000, 1_000);
  assert.ok(!mayPost(held, usualCircuit, 0, 60_999));
  assert.ok(mayPost(held, usualCircuit, 3, 61_000));
  assert.equal(afterEndpointFailure(freshCircuit, usualCircuit, 10 * hour, 0).closedUntil, 300_000);
});

test('waits grow and reach the end of an event exactly', () => {
  const schedule = usualSchedule(72 * hour);
  assert.equal(quickWaitMs(schedule, 1, 0.5), 1_000);
  assert.equal(quickWaitMs(schedule, 3, 0.5), undefined);
  let age = 0;
  const waits: number[] = [];
  while (age < schedule.maxAgeMs) {
    waits.push(slowWaitMs(schedule, waits.length, age, 0.5));
    age += waits.at(-1) ?? 0;
  }
  assert.equal(age, 72 * hour);
  assert.ok(waits.length < 20);
  fc.assert(
    fc.property(
      fc.nat(20),
      fc.nat(80 * hour),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (delays, at, random) => {
        const wait = slowWaitMs(schedule, delays, at, random);
        assert.ok(wait >= 0 && (at >= 72 * hour || at + wait <= 72 * hour));
      },
    ),
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((delays) => batchLimit(100, delays)),
    [100, 10, 1, 1],
  );
});

/** As the schema of MessageEvent tells them: `a, b; after delivery c; d: what it is`. */
const kindsOfSchema = (): readonly string[] => {
  const { fields }: { fields: { name: string; doc?: string }[] } = JSON.parse(avroSchemas.MessageEvent);
  const doc = fields.find(({ name }) => name === 'kind')?.doc ?? '';
  return doc
    .split(';')
    .flatMap((part) => (part.split(':')[0] ?? '').replace('after delivery', '').split(','))
    .map((kind) => kind.replace(/\.$/, '').trim());
};

test('every kind of event that the schema has is posted as a type, and every type comes of a kind', () => {
  const kinds = kindsOfSchema();
  assert.ok(kinds.includes('accepted') && kinds.includes('auto_replied') && kinds.includes('spike'));
  assert.deepEqual([...kinds, 'test'].sort(), [...postedKinds].sort());
  assert.deepEqual([...new Set(postedKinds.map(webhookTypeOf))].sort(), [...webhookTypes].sort());
});

test('types are named after what happened to what; an endpoint that names none gets outcomes', () => {
  assert.equal(webhookTypeOf('delivered'), 'message.delivered');
  assert.equal(webhookTypeOf('bounced_late'), 'message.bounced');
  assert.equal(webhookTypeOf('shaped'), 'sending.shaped');
  assert.equal(webhookTypeOf('something'), undefined);
  assert.ok(!usualTypes.includes('message.routed'));
  const settings = { url: 'https://a.example/hook?token=1', secrets: ['whsec_x'], enabled: true };
  const more = { batch_events: 10, linger_ms: 0, requests: 1 };
  const [endpoint] = webhookEndpoints({
    acme: { webhooks: { orders: { ...settings, ...more } } },
    other: {},
  });
  assert.equal(endpoint?.id, 'acme/orders');
  assert.equal(endpoint.topic, 'mail.webhook.acme.orders');
  assert.deepEqual(
    [...endpoint.types].sort(),
    [...webhookTypes].filter((type) => !/accepted|routed/.test(type)).sort(),
  );
  assert.equal(shownUrl(endpoint.url), 'https://a.example/hook?…');
});
