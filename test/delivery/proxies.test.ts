import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { headerProxy, socksServer, type TestProxy } from '@millrace/smtp/testing';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

const login = { username: 'millrace', password: 'a password of this test' };

let rig: DeliveryRig;
let header: TestProxy;
let socks: TestProxy;
before(async () => {
  header = await headerProxy();
  socks = await socksServer({ login, source: '127.0.4.2' });
  const gone = await headerProxy();
  await gone.stop();
  const host = '127.0.0.1';
  rig = await startRig({
    sandbox: {
      verify: 'off',
      publish: [{ name: 'away.test', type: 'MX', value: '10 dead.special.test.' }],
    },
    sources: {
      header: {
        address: '127.0.4.1',
        ehlo: 'one.acme.example',
        proxy: { protocol: 'proxy_v2', host, port: header.port },
      },
      socks: { ehlo: 'two.acme.example', proxy: { protocol: 'socks5', host, port: socks.port, ...login } },
      gone: { ehlo: 'three.acme.example', proxy: { protocol: 'socks5', host, port: gone.port } },
      elsewhere: { proxy: { protocol: 'socks5', host: '192.0.2.7', port: 1_080 } },
    },
    pools: {
      ...Object.fromEntries(
        ['header', 'socks', 'gone', 'elsewhere'].map((source) => [
          source,
          { stream: 'batch' as const, sources: [{ source, weight: 1 }] },
        ]),
      ),
      mostly_gone: {
        stream: 'batch',
        sources: [
          { source: 'gone', weight: 100 },
          { source: 'header', weight: 1 },
        ],
      },
    },
  });
  await rig.startWorker();
});
after(async () => {
  await header.stop();
  await socks.stop();
  await rig.stop();
});

/** The event of a message that waits for its lane to be tried again, where it was made ready too late for the first try. */
const deferred = (task: ReturnType<DeliveryRig['task']>) => {
  let lookedAt = Date.now();
  return rig.until(() => {
    const event = rig.events.find(
      ({ kind, message_id: id }) => kind === 'deferred' && id === task.message_id,
    );
    if (event === undefined && Date.now() - lookedAt > 3_000) {
      rig.shift(31_000);
      lookedAt = Date.now();
    }
    return event;
  }, `deferred ${task.recipient}`);
};

for (const [pool, address, ehlo] of [
  ['header', '127.0.4.1', 'one.acme.example'],
  ['socks', '127.0.4.2', 'two.acme.example'],
] as const) {
  test(`mail of the source "${pool}" leaves from its proxy's address, over TLS`, async () => {
    const to = `${pool}@gmail.com`;
    const task = rig.task(to, { pool });
    await rig.send(task);
    const event = await rig.event(task, 'delivered');
    assert.equal(event.source, pool);
    assert.match(event.mx ?? '', /google\.com$/);
    assert.notEqual(event.tls, null);
    const [mail] = await rig.sandbox.messages({ to, waitMs: 10_000 });
    assert.equal(mail?.client.address, address);
    assert.equal(mail?.client.ehlo, ehlo);
  });
}

test('a proxy that is away is told as such: no exchanger, no address, a category of its own', async () => {
  const task = rig.task('ada@yahoo.com', { pool: 'gone' });
  await rig.send(task);
  const event = await deferred(task);
  assert.equal(event.bounce_category, 'proxy_failed');
  assert.equal(event.phase, 'proxy');
  assert.match(event.text ?? '', /^SOCKS5 proxy 127\.0\.0\.1:\d+ cannot be reached/);
  assert.equal(event.mx, null);
  assert.equal(event.remote_address, null);
});

test('a server that is away behind a proxy that is there is the server’s failure', async () => {
  const task = rig.task('ada@away.test', { pool: 'socks', site: 'away' });
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.bounce_category, 'connection_failed');
  assert.equal(event.phase, 'connect');
  assert.equal(event.mx, 'dead.special.test');
});

test('with loopback_only no proxy elsewhere is connected to', async () => {
  const task = rig.task('bob@yahoo.com', { pool: 'elsewhere' });
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.match(event.text ?? '', /SOCKS5 proxy 192\.0\.2\.7:1080 is not on this machine/);
  assert.equal(event.bounce_category, 'proxy_failed');
});

test('while a proxy is away the other sources of the pool take over', async () => {
  const first = rig.task('first@tail-07.test', { pool: 'mostly_gone' });
  await rig.send(first);
  await deferred(first);
  // The lane is held: one message waits to try it again, the others go another way.
  const tasks = Array.from({ length: 20 }, (_, index) =>
    rig.task(`later-${index}@tail-07.test`, { pool: 'mostly_gone' }),
  );
  await rig.send(...tasks);
  const ids = new Set(tasks.map((task) => task.message_id));
  const arrived = () => rig.events.filter(({ kind, message_id: id }) => kind === 'delivered' && ids.has(id));
  await rig.until(() => arrived().length >= tasks.length - 1, 'all but one delivered');
  for (const event of arrived()) assert.equal(event.source, 'header');
});
