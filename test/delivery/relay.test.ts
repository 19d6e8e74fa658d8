import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSandbox } from '@millrace/sandbox';
import { startRig } from './delivery-rig.ts';

test('a source that is a relay takes mail for every domain, with journal and events as everywhere', async () => {
  // Any SMTP server will do as a smarthost: one of another sandbox.
  const smarthost = await startSandbox({ behaviours: { 'tail-01': { size_limit: 0 } } });
  const host = smarthost.addresses['tail-01']?.[0] ?? '';
  const rig = await startRig({
    sources: {
      smarthost: {
        ehlo: 'relay.acme.example',
        relay: { host, port: smarthost.smtpPort, tls: 'disabled', max_connections: 2 },
      },
    },
    pools: { main: { stream: 'batch', sources: [{ source: 'smarthost', weight: 1 }] } },
  });
  try {
    await rig.startWorker();
    const tasks = ['ada@gmail.com', 'bob@tail-09.test', 'eve@nowhere.test'].map((to) => rig.task(to));
    const bounce = rig.task('unknown@gmail.com');
    await rig.send(...tasks, bounce);
    for (const task of tasks) {
      const event = await rig.event(task, 'delivered');
      assert.equal(event.source, 'smarthost');
      assert.equal(event.mx, host);
    }
    assert.equal((await rig.event(bounce, 'bounced')).bounce_category, 'invalid_recipient');
    const stats = smarthost.stats().isps['tail-01'];
    assert.equal(stats?.mails.accepted, 3);
    assert.ok((stats?.connections.max_open ?? 9) <= 2);
    const [mail] = await smarthost.messages({ to: 'ada@gmail.com', waitMs: 10_000 });
    assert.equal(mail?.client.ehlo, 'relay.acme.example');
    assert.match(mail?.raw ?? '', /^DKIM-Signature:/);
  } finally {
    await rig.stop();
    await smarthost.stop();
  }
});
