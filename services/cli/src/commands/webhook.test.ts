/** webhook list, log, replay and test on a real Kafka, with what the service would write. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { newMessageId, topics, webhookTopics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import { type TestInstallation, testInstallation } from '@millrace/kafka/testing';
import type { MessageEvent, WebhookAttempt } from '@millrace/schemas';
import { cliRig, type Rig } from '../rig.ts';

const queue = 'mail.webhook.acme.orders';
let installation: TestInstallation & { readonly kafka: Kafka };
let rig: Rig;
before(async () => {
  installation = await testInstallation([topics.events, webhookTopics.log, webhookTopics.state], 2);
  await installation.kafka.createTopics({ partitions: 2, replicationFactor: 1, only: [], queues: [queue] });
  rig = cliRig({
    KAFKA_BROKERS: installation.options.brokers.join(','),
    SCHEMA_REGISTRY_URL: installation.options.registry.url,
    MILLRACE_TOPIC_PREFIX: installation.options.topicPrefix ?? '',
    MILLRACE_CONFIG: 'millrace.yaml',
  });
  const secret = `whsec_${Buffer.alloc(32, 'x').toString('base64')}`;
  writeFileSync(
    join(rig.directory, 'millrace.yaml'),
    `tenants:
  acme:
    webhooks:
      orders: { url: 'https://hooks.acme.example/in?token=7', secrets: [${secret}] }
      off: { url: 'https://hooks.acme.example/off', secrets: [${secret}], enabled: false }
pools:
  realtime: { stream: realtime, sources: [{ source: a }] }
  batch: { stream: batch, sources: [{ source: b }] }
sources: { a: {}, b: {} }
`,
  );
});
after(async () => {
  rig?.[Symbol.dispose]();
  await installation?.[Symbol.asyncDispose]();
});

const json = async (
  ...argv: readonly string[]
): Promise<{
  readonly code: number;
  readonly lines: readonly Record<string, unknown>[];
  readonly err: string;
}> => {
  const { code, out, err } = await rig.run(
    '--config',
    join(rig.directory, 'millrace.yaml'),
    '--json',
    'webhook',
    ...argv,
  );
  return {
    code,
    err,
    lines: out
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => JSON.parse(line)),
  };
};

const attempt = (over: Partial<WebhookAttempt> = {}): WebhookAttempt => ({
  ...{
    webhook_id: 'evt_1',
    endpoint: 'acme/orders',
    time: Date.now(),
    duration_ms: 12,
    outcome: 'delivered',
  },
  ...{ status: 200, error: null, attempt: 1, delays: 0, next_attempt_at: null, event_ids: ['m:delivered'] },
  ...{ types: { 'message.delivered': 1 }, message_ids: ['m'] },
  ...over,
});
const log = async (...attempts: readonly WebhookAttempt[]): Promise<void> => {
  const producer = await installation.kafka.producer();
  for (const value of attempts)
    await producer.send('WebhookAttempt', webhookTopics.log, { key: value.endpoint, value });
};

const event = (kind: string, over: Partial<MessageEvent> = {}): MessageEvent => {
  const id = newMessageId(Date.now());
  return {
    ...{ event_id: `${id}:${kind}`, kind, time: Date.now(), message_id: id, request_id: 'r', tenant: 'acme' },
    ...{ stream: 'batch', category: null, campaign: null, recipient: 'a@b.c', domain: null, isp: null },
    ...{ site: null, pool: null, source: null, mx: null, remote_address: null, attempt: 0, reply_code: null },
    ...{ enhanced_code: null, text: null, phase: null, bounce_category: null, latency_ms: null },
    ...{ attempt_ms: null, size_bytes: null, tls: null, next_attempt_at: null, tags: [], metadata: {} },
    ...{ trace_id: null, sender_domain: null },
    ...over,
  };
};

test('list and log tell what was posted and what came of it, without secrets and tokens', async () => {
  const now = Date.now();
  const failed = attempt({
    time: now - 1_000,
    outcome: 'failed',
    status: 503,
    error: 'busy\u001b[31m',
    message_ids: ['n'],
  });
  await log(failed, attempt({ time: now }));
  const listed = await json('list');
  assert.equal(listed.code, 0);
  const [orders, off] = listed.lines;
  assert.equal(orders?.endpoint, 'acme/orders');
  assert.equal(orders.url, 'https://hooks.acme.example/in?…');
  assert.equal(off?.enabled, false);
  assert.ok(!JSON.stringify(listed.lines).includes('whsec_'));
  assert.equal((await json('log', 'acme/orders')).lines.length, 2);
  assert.deepEqual(
    (await json('log', '--failed')).lines.map(({ status }) => status),
    [503],
  );
  assert.deepEqual(
    (await json('log', '--message', 'n')).lines.map(({ status }) => status),
    [503],
  );
  const { out } = await rig.run('--config', join(rig.directory, 'millrace.yaml'), 'webhook', 'log');
  assert.match(out, /acme\/orders .*failed 503 busy/);
  assert.ok(!out.includes('\u001b[31m'));
  const unknown = await json('log', 'acme/order');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /Did you mean \\?"acme\/orders/);
});

test('replay puts the events that the endpoint wants into its queue once more', async () => {
  const producer = await installation.kafka.producer();
  const wanted = event('bounced');
  const events = [
    wanted,
    event('routed'),
    event('delivered', { tenant: 'other' }),
    event('delivered', { time: 1 }),
  ];
  for (const value of events)
    await producer.send('MessageEvent', topics.events, { key: value.message_id, value });
  const { code, lines } = await json('replay', 'acme/orders', '--since', '1h');
  assert.equal(code, 0);
  assert.deepEqual(lines, [{ endpoint: 'acme/orders', events: 1 }]);
  const found: string[] = [];
  const tail = await installation.kafka.tail({
    topic: queue,
    record: 'MessageEvent',
    from: 'earliest',
    onRecord: ({ value, headers }) => {
      assert.equal(String(headers['millrace-webhook-replay']), '1');
      found.push(value.event_id);
    },
  });
  await tail.caughtUp();
  await tail.stop();
  assert.deepEqual(found, [wanted.event_id]);
});

test('test shows what the endpoint says to an event of its own, and fails when it does not take it', async () => {
  let status = 200;
  const consumer = await installation.kafka.windowedConsumer({
    group: 'stands-for-webhooks',
    topics: [queue],
    record: 'MessageEvent',
    handler: async (held) => {
      const { kind, event_id: id } = held.value;
      if (kind === 'test')
        await log(
          attempt({ event_ids: [id], status, outcome: status === 200 ? 'delivered' : 'failed', error: null }),
        );
      held.complete();
    },
  });
  assert.equal((await json('test', 'acme/orders')).lines[0]?.outcome, 'delivered');
  status = 410;
  const failed = await json('test', 'acme/orders');
  assert.equal(failed.code, 1);
  assert.match(failed.err, /failed 410/);
  assert.equal((await json('test', 'acme/off')).code, 2);
  await consumer.stop();
});
