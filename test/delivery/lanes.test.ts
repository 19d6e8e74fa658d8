import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

const shaping = `
default:
  connection_limit: 4
  max_deliveries_per_connection: 100
isps:
  yahoo:
    max_message_rate: 20/s
    burst: 1
`;

let rig: DeliveryRig;
before(async () => {
  rig = await startRig({ sandbox: { verify: 'off' }, shaping, delivery: { window_records: 100 } });
  await rig.startWorker();
});
after(() => rig.stop());

test('one slow domain of the long tail does not hold up the others', async () => {
  await rig.sandbox.behave('tail-01', { latency: { after_dot_ms: 3_000 } });
  // More than all windows hold: what cannot go out soon has to make room.
  const slow = Array.from({ length: 600 }, (_, index) => rig.task(`slow-${index}@tail-01.test`));
  await rig.send(...slow);
  const others = Array.from({ length: 49 }, (_, index) =>
    rig.task(`user@tail-${String(index + 2).padStart(2, '0')}.test`),
  );
  await rig.send(...others);
  const delivered = new Set<string>();
  await rig.until(() => {
    for (const event of rig.events) if (event.kind === 'delivered') delivered.add(event.message_id);
    return others.every(({ message_id }) => delivered.has(message_id));
  }, 'a mail to each other domain');
  const ofSlow = rig.events.filter((event) => event.domain === 'tail-01.test' && event.kind === 'delivered');
  assert.ok(ofSlow.length < 600);
  const postponed = rig.delays.filter(({ value }) => value.reason === 'lane_busy');
  assert.ok(postponed.length > 0);
  const [first] = postponed;
  assert.ok(first);
  const again = await rig.kafka.codec.decode('DeliveryTask', first.value.value);
  assert.equal(again.attempt, 0, 'waiting is no try');
  // They come back one after the other, not all at once.
  const due = new Set(postponed.map(({ value }) => Math.floor(value.due_at / 100)));
  assert.ok(due.size > postponed.length / 20, `${due.size} times for ${postponed.length}`);
});

test('a rate is kept, and another provider is not held up by it', async () => {
  const limited = Array.from({ length: 60 }, (_, index) => rig.task(`rate-${index}@yahoo.com`));
  const free = Array.from({ length: 60 }, (_, index) => rig.task(`free-${index}@gmail.com`));
  await rig.send(...limited, ...free);
  const count = (domain: string): number =>
    rig.events.filter((event) => event.domain === domain && event.kind === 'delivered').length;
  await rig.until(() => count('gmail.com') === 60, 'all of gmail');
  assert.ok(count('yahoo.com') < 60);
  await rig.until(() => count('yahoo.com') === 60, 'all of yahoo');
  const second = rig.sandbox.stats().isps.yahoo?.sources['127.0.3.1']?.worst_second.accepted ?? 99;
  assert.ok(second <= 21, `${second} mails in one second`);
});
