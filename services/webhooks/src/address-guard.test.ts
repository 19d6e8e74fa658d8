import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webhookEndpoints } from '@millrace/core';
import { addressGuard } from './address-guard.ts';
import { Poster, type PosterOptions } from './poster.ts';
import { endpointOf, receiver } from './webhooks-rig.ts';

test('only public addresses are connected to, in whatever clothes they come', () => {
  const mayConnectTo = addressGuard([]);
  for (const address of ['8.8.8.8', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8'])
    assert.ok(mayConnectTo(address), address);
  const refused = [
    ...[
      '127.0.0.1',
      '10.0.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
      '100.100.100.200',
      '0.0.0.0',
    ],
    ...[
      '192.0.0.192',
      '168.63.129.16',
      '198.18.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '240.0.0.1',
      '192.0.2.1',
    ],
    ...[
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      'fd00:ec2::254',
      'ff02::1',
      'fec0::1',
      '::ffff:127.0.0.1',
      '::127.0.0.1',
    ],
    ...[
      '64:ff9b::7f00:1',
      '64:ff9b:1::a00:1',
      '2002:7f00:1::',
      '2001:0:1::',
      '2001:db8::1',
      '5f00::1',
      'localhost',
      '',
    ],
  ];
  for (const address of refused) assert.ok(!mayConnectTo(address), address);
});

test('what the configuration allows is connected to, and nothing beside it', () => {
  const mayConnectTo = addressGuard(['127.0.0.0/8', 'fd00::/8']);
  assert.ok(mayConnectTo('127.1.2.3') && mayConnectTo('::ffff:127.0.0.1') && mayConnectTo('fd00::1'));
  assert.ok(!mayConnectTo('10.0.0.1') && !mayConnectTo('::1') && !mayConnectTo('fc00::1'));
  assert.throws(() => addressGuard(['127.0.0.1']));
});

const post = async (url: string, over: Partial<PosterOptions> = {}) => {
  const [endpoint] = webhookEndpoints({ acme: { webhooks: { one: endpointOf(url) } } });
  assert.ok(endpoint);
  const poster = new Poster({ endpoint, mayConnectTo: addressGuard([]), timeoutMs: 1_000, ...over });
  const posted = await poster.post('id', '{"events":[]}', Date.now(), new AbortController().signal);
  await poster.stop();
  return posted;
};

test('a request to an address that is refused never connects, whether it is written as a number or a name leads there', async () => {
  await using hooked = await receiver();
  const { port } = new URL(hooked.url);
  for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:7f00:1]', '0']) {
    const posted = await post(`http://${host}:${port}/`);
    assert.ok(posted.kind === 'refused' && /not a public address/.test(posted.error), host);
  }
  const named = await post(`http://hooks.test:${port}/`, { resolve: async () => ['10.0.0.1', '127.0.0.1'] });
  assert.ok(named.kind === 'refused');
  assert.equal(
    named.error,
    'hooks.test leads to 10.0.0.1, 127.0.0.1: not a public address, and none of webhooks.allow_addresses.',
  );
  assert.equal(hooked.requests.length, 0);
});

test('the connection goes to the address that was looked at, whatever the name says a moment later', async () => {
  await using hooked = await receiver();
  const { port } = new URL(hooked.url);
  const answers = [['10.0.0.1', '127.0.0.1'], ['169.254.169.254']];
  let asked = 0;
  const resolve = async () => answers[asked++] ?? [];
  const options = { resolve, mayConnectTo: addressGuard(['127.0.0.0/8']) };
  assert.equal((await post(`http://rebound.test:${port}/`, options)).kind, 'taken');
  assert.equal(asked, 1, 'the name is asked for once a connection');
  const again = await post(`http://rebound.test:${port}/`, options);
  assert.ok(again.kind === 'refused' && again.error.includes('169.254.169.254'));
  assert.equal(hooked.requests[0]?.headers.host, `rebound.test:${port}`);
});

test('an answer that does not come, or does not end, is ended', async () => {
  await using hooked = await receiver();
  hooked.answer = () => undefined;
  const options = { mayConnectTo: addressGuard(['127.0.0.0/8']), timeoutMs: 100 };
  const posted = await post(hooked.url, options);
  assert.deepEqual(posted, {
    kind: 'refused',
    status: null,
    error: 'no answer within 100 ms',
    retryAfterMs: null,
  });
});
