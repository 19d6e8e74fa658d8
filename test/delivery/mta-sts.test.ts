import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import { after, before, test } from 'node:test';
import { testAuthority } from '@millrace/smtp/testing';
import { type DeliveryRig, startRig } from './delivery-rig.ts';

/** Domains that announce a policy, and the hosts that it names. */
const policies: Readonly<Record<string, readonly string[]>> = {
  'tail-01.test': ['mx.tail-01.test'],
  'tail-02.test': ['mx.tail-02.test'],
  'tail-03.test': ['*.tail-03.test'],
  'tail-04.test': ['mx.elsewhere.test'],
  'tail-05.test': ['mx.tail-05.test'],
  'failover.test': ['dead.special.test'],
};

/** Of each connection to the policy host, what was asked for. */
const asked: string[] = [];

let rig: DeliveryRig;
let host: Server;
before(async () => {
  const authority = await testAuthority();
  const names = Object.keys(policies).map((domain) => `mta-sts.${domain}`);
  host = createServer(await authority.certificate(names), (request, response) => {
    asked.push(request.headers.host ?? '');
    const hosts = policies[(request.headers.host ?? '').replace('mta-sts.', '')] ?? [];
    const mode = request.headers.host === 'mta-sts.tail-05.test' ? 'testing' : 'enforce';
    const lines = ['version: STSv1', `mode: ${mode}`, ...hosts.map((mx) => `mx: ${mx}`), 'max_age: 86400'];
    response.writeHead(200, { 'content-type': 'text/plain' }).end(lines.join('\r\n'));
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const bound = host.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  rig = await startRig({
    isps: ['other'],
    sandbox: {
      verify: 'off',
      publish: Object.keys(policies).flatMap((domain) => [
        { name: `_mta-sts.${domain}`, type: 'TXT' as const, value: 'v=STSv1; id=1;' },
        { name: `mta-sts.${domain}`, type: 'A' as const, value: '127.0.0.1' },
      ]),
      behaviours: {
        'tail-02': { tls: 'none' },
        'tail-03': { certificate: 'self_signed' },
        'tail-05': { tls: 'none' },
      },
    },
    // The policies win over it.
    shaping: 'default: { tls: disabled }\nsites: { mx.ignored.test: { mta_sts: false } }\n',
  });
  await rig.startWorker({ policyPort: bound.port, ca: authority.ca });
});
after(async () => {
  host.closeAllConnections();
  host.close();
  await rig.stop();
});

test('what a policy enforces: TLS with a certificate that verifies, whatever the lane says', async () => {
  const tasks = ['ada', 'bob'].map((name) => rig.task(`${name}@tail-01.test`));
  await rig.send(...tasks);
  for (const task of tasks) {
    const event = await rig.event(task, 'delivered');
    assert.equal(event.tls?.verified, true);
  }
  assert.equal(asked.filter((name) => name === 'mta-sts.tail-01.test').length, 1);
});

test('a server without TLS is not spoken to', async () => {
  const task = rig.task('ada@tail-02.test');
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.bounce_category, 'tls_failed');
  assert.equal(event.phase, 'tls');
  assert.match(event.text ?? '', /does not offer STARTTLS/);
  assert.equal(event.mx, 'mx.tail-02.test');
});

test('a server whose certificate does not verify gets no mail', async () => {
  const task = rig.task('ada@tail-03.test');
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.bounce_category, 'tls_failed');
  assert.match(event.text ?? '', /certificate that does not verify/);
  assert.equal(rig.sandbox.stats().isps['tail-03']?.mails.accepted ?? 0, 0);
});

test('a server that the policy does not name is not connected to', async () => {
  const task = rig.task('ada@tail-04.test');
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.bounce_category, 'tls_failed');
  assert.match(
    event.text ?? '',
    /policy of tail-04\.test names none of its mail servers \(mx\.tail-04\.test\)/,
  );
  assert.equal(event.enhanced_code, '4.7.5');
  assert.equal(rig.sandbox.stats().isps['tail-04']?.connections.total ?? 0, 0);
});

test('where it names some, no other is a way out when those fail', async () => {
  const task = rig.task('ada@failover.test', { site: 'failover' });
  await rig.send(task);
  const event = await rig.event(task, 'deferred');
  assert.equal(event.mx, 'dead.special.test');
  assert.equal(event.bounce_category, 'connection_failed');
});

test('a policy in testing holds nothing up', async () => {
  const task = rig.task('ada@tail-05.test');
  await rig.send(task);
  assert.equal((await rig.event(task, 'delivered')).tls, null);
});

test('where shaping says so no policy is looked for', async () => {
  const before = asked.length;
  const task = rig.task('ada@tail-01.test', { site: 'mx.ignored.test' });
  await rig.send(task);
  const event = await rig.event(task, 'delivered');
  assert.equal(event.tls, null);
  assert.equal(asked.length, before);
});
