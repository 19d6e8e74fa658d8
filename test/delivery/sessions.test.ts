import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

const shaping = `
default:
  connection_limit: 3
  max_deliveries_per_connection: 10
  tls: opportunistic
isps:
  yahoo:
    tls: required
sites:
  mx.tail-20.test:
    connection_limit: 1
    max_deliveries_per_connection: 1000
`;

let rig: DeliveryRig;
before(async () => {
  rig = await startRig({ sandbox: { verify: 'off' }, shaping });
  await rig.startWorker();
});
after(() => rig.stop());
afterEach(() => rig.sandbox.resetBehaviour());

const many = (count: number, domain: string, name = 'user') =>
  Array.from({ length: count }, (_, index) => rig.task(`${name}-${index}@${domain}`));
const delivered = async (tasks: ReturnType<typeof many>): Promise<void> => {
  await rig.send(...tasks);
  const ids = new Set(tasks.map((task) => task.message_id));
  const done = () => rig.events.filter((event) => event.kind === 'delivered' && ids.has(event.message_id));
  await rig.until(() => done().length >= tasks.length, `${tasks.length} delivered`);
};

test('connections at once and mails of one connection stay within the limits', async () => {
  await rig.sandbox.behave('gmail', { latency: { after_dot_ms: 5 } });
  await delivered(many(120, 'gmail.com'));
  const stats = rig.sandbox.stats().isps.gmail;
  assert.equal(stats?.connections.refused, 0);
  assert.ok((stats?.connections.max_open ?? 9) <= 3, `${stats?.connections.max_open} connections at once`);
  assert.ok((stats?.mails.max_per_connection ?? 99) <= 10);
  assert.ok((stats?.connections.total ?? 0) >= 12);
});

test('a server that ends its sessions earlier than we would costs no message a try', async () => {
  await rig.sandbox.behave('tail-01', { mails_per_connection: 3 });
  await delivered(many(20, 'tail-01.test'));
  assert.equal(
    rig.events.filter((event) => event.domain === 'tail-01.test' && event.attempt !== 1).length,
    0,
  );
  assert.equal(rig.events.filter((event) => event.domain === 'tail-01.test').length, 20);
});

test('where the first exchanger does not answer the next one is tried', async () => {
  const task = rig.task('ada@failover.test', { site: 'failover' });
  await rig.send(task);
  const event = await rig.event(task, 'delivered');
  assert.equal(event.mx, 'mx2.special.test');
  assert.equal(event.attempt, 1);
});

test('a host without an address of a family that the source has is passed over', async () => {
  const task = rig.task('ada@dual.test', { site: 'dual' });
  await rig.send(task);
  assert.equal((await rig.event(task, 'delivered')).mx, 'mx.special.test');
  const only6 = rig.task('ada@ipv6.test', { site: 'ipv6' });
  await rig.send(only6);
  const event = await rig.event(only6, 'deferred');
  assert.match(event.text ?? '', /no address of a family that source one sends from/);
  assert.equal(event.bounce_category, 'dns_failed');
});

test('TLS that is required and not offered defers; opportunistic goes without', async () => {
  await rig.sandbox.behave('yahoo', { tls: 'none' });
  await rig.sandbox.behave('tail-02', { tls: 'none' });
  const required = rig.task('ada@yahoo.com');
  const opportunistic = rig.task('ada@tail-02.test');
  await rig.send(required, opportunistic);
  assert.equal((await rig.event(required, 'deferred')).bounce_category, 'tls_failed');
  assert.equal((await rig.event(opportunistic, 'delivered')).tls, null);
});

test('a broken handshake is gone around where TLS is opportunistic', async () => {
  await rig.sandbox.behave('tail-03', { tls: 'broken' });
  const task = rig.task('ada@tail-03.test');
  await rig.send(task);
  assert.equal((await rig.event(task, 'delivered')).tls, null);
});

test('a connection cut in the middle of the mail defers that mail only', async () => {
  const cut = rig.task('cut@tail-04.test');
  await delivered([rig.task('ada@tail-04.test')]);
  await rig.send(cut);
  const event = await rig.event(cut, 'deferred');
  assert.equal(event.bounce_category, 'connection_failed');
  assert.equal(event.phase, 'body');
  await delivered([rig.task('eve@tail-04.test')]);
});

test('an answer that never comes defers, since the mail may have arrived; at most once bounces', async () => {
  const least = rig.task('drop@tail-05.test');
  const most = rig.task('drop+1@tail-05.test', { guarantee: 'at_most_once' });
  await rig.send(least, most);
  assert.equal((await rig.event(least, 'deferred')).phase, 'body');
  const event = await rig.event(most, 'bounced');
  assert.match(event.text ?? '', /may have arrived and is not sent again/);
});

test('the most urgent message goes first', async () => {
  await rig.sandbox.behave('tail-20', { latency: { after_dot_ms: 30 } });
  // One is on its way while the others come in, so that they wait together.
  const first = rig.task('first@tail-20.test');
  await rig.send(first);
  await rig.event(first, 'delivered');
  const at = Date.now();
  const tasks = Array.from({ length: 30 }, (_, index) =>
    rig.task(`urgent-${index}@tail-20.test`, { deadline: at + (30 - index) * 1_000 }),
  );
  await delivered(tasks);
  const order = (await rig.sandbox.messages({ search: 'urgent-', limit: 100 }))
    .toReversed()
    .map((mail) => Number(/urgent-(\d+)/.exec(mail.envelope.rcpt_to[0] ?? '')?.[1]));
  // Those that were already being prepared when the more urgent ones came keep their place.
  const late = order.slice(10);
  assert.deepEqual(
    late,
    late.toSorted((a, b) => b - a),
  );
});

test('sources of a pool share its messages by weight', async () => {
  const other = await startRig({
    sources: {
      heavy: { address: '127.0.3.11', ehlo: 'heavy.acme.example' },
      light: { address: '127.0.3.12', ehlo: 'light.acme.example' },
    },
    pools: {
      main: {
        stream: 'batch',
        sources: [
          { source: 'heavy', weight: 3 },
          { source: 'light', weight: 1 },
        ],
      },
    },
  });
  try {
    await other.startWorker();
    const tasks = Array.from({ length: 40 }, (_, index) => other.task(`user-${index}@tail-06.test`));
    await other.send(...tasks);
    await other.until(() => other.events.length >= 40);
    const sources = other.sandbox.stats().isps['tail-06']?.sources;
    assert.equal(sources?.['127.0.3.11']?.accepted, 30);
    assert.equal(sources?.['127.0.3.12']?.accepted, 10);
  } finally {
    await other.stop();
  }
});
