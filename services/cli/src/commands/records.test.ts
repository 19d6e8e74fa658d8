/** trace, events and status on a real Kafka, registry and Redis, with records that the test writes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newMessageId, topics, type WorkerReport, workerReportKey, workersKey } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import { type TestInstallation, testInstallation } from '@millrace/kafka/testing';
import type { MessageEvent } from '@millrace/schemas';
import { connectRedis, type RedisConnection } from '@millrace/service';
import { neededTopics } from '../doctor/kafka-check.ts';
import { cliRig, type Rig } from '../rig.ts';

let installation: TestInstallation & { readonly kafka: Kafka };
let redis: RedisConnection;
let rig: Rig;
let keyPrefix: string;
before(async () => {
  installation = await testInstallation(neededTopics, 3);
  keyPrefix = `${installation.options.topicPrefix}:`;
  const url = process.env.REDIS_URL;
  assert.ok(url, 'Run through `npm test`, or set REDIS_URL.');
  redis = connectRedis({ redis: { url } }, { info: () => undefined, warn: () => undefined });
  assert.ok(await redis.connected(10_000));
  rig = cliRig(environment());
});
after(async () => {
  rig?.[Symbol.dispose]();
  await redis?.stop();
  await installation?.[Symbol.asyncDispose]();
});

const environment = (over: Readonly<Record<string, string>> = {}) => ({
  KAFKA_BROKERS: installation.options.brokers.join(','),
  SCHEMA_REGISTRY_URL: installation.options.registry.url,
  REDIS_URL: process.env.REDIS_URL ?? '',
  MILLRACE_TOPIC_PREFIX: installation.options.topicPrefix ?? '',
  MILLRACE_REDIS_PREFIX: keyPrefix,
  ...over,
});

const event = (id: string, kind: string, over: Partial<MessageEvent> = {}): MessageEvent => ({
  ...{ event_id: `${id}:${kind}:${over.attempt ?? 0}`, kind, time: Date.now(), message_id: id },
  ...{ request_id: 'r', tenant: 'acme', stream: 'realtime', category: 'otp', campaign: null },
  ...{ recipient: 'ada@gmail.com', domain: 'gmail.com', isp: 'gmail', site: 'google', pool: null },
  ...{ source: null, mx: null, remote_address: null, attempt: 0, reply_code: null, enhanced_code: null },
  ...{ text: null, phase: null, bounce_category: null, latency_ms: null, attempt_ms: null },
  ...{
    size_bytes: null,
    tls: null,
    next_attempt_at: null,
    tags: [],
    metadata: {},
    trace_id: null,
    sender_domain: null,
  },
  ...over,
});

const write = async (events: readonly MessageEvent[], key?: string) => {
  const producer = await installation.kafka.producer();
  for (const value of events)
    await producer.send('MessageEvent', topics.events, { key: key ?? value.message_id, value });
};

test('a life is told in order, what was told twice is there once, replies cannot write on the terminal', async () => {
  const now = Date.now();
  const id = newMessageId(now);
  const other = newMessageId(now);
  const deferred = event(id, 'deferred', {
    ...{ time: now + 300, attempt: 1, reply_code: 451, enhanced_code: '4.7.1', text: 'slow\u001b[31m down' },
    ...{ mx: 'mx1.google.com', source: 'one', phase: 'rcpt', next_attempt_at: now + 10_300 },
  });
  const delivered = event(id, 'delivered', {
    ...{ time: now + 10_500, attempt: 2, reply_code: 250, text: '2.0.0 OK', latency_ms: 10_500 },
    ...{ mx: 'mx2.google.com', source: 'one', trace_id: 'a'.repeat(32) },
  });
  await write([event(id, 'accepted', { time: now }), event(other, 'accepted'), deferred, deferred]);
  const soFar = JSON.parse((await rig.run('--json', 'trace', id)).out);
  assert.equal(soFar.outcome, null);
  assert.equal(soFar.next_attempt_at, now + 10_300);
  assert.equal(soFar.events.length, 2);
  assert.match((await rig.run('trace', id)).out, /^still on its way: next try \d{4}-/m);
  await write([delivered]);
  const { code, out } = await rig.run('trace', id);
  assert.equal(code, 0);
  assert.match(
    out,
    /accepted[\s\S]*deferred +1 +gmail · mx1\.google\.com from one +451 4\.7\.1 slow\\x1b\[31m down/,
  );
  assert.match(out, /^delivered at try 2 after 10\.5 s$/m);
  assert.ok(!out.includes('\u001b'));
});

test('a message whose events lie in another partition is found all the same', async () => {
  const id = newMessageId(Date.now());
  for (const key of ['a', 'b', 'c', 'd']) await write([event(id, `step-${key}`)], key);
  const { events } = JSON.parse((await rig.run('--json', 'trace', id)).out);
  assert.equal(events.length, 4);
});

test('waiting for a message’s end: it comes, or the time is over', async () => {
  const id = newMessageId(Date.now());
  await write([event(id, 'accepted')]);
  const over = await rig.run('trace', id, '--wait', '--timeout', '200ms');
  assert.equal(over.code, 6);
  assert.match(over.err, /did not end within 200 ms/);
  const waiting = rig.start('--json', 'trace', id, '--wait', '--timeout', '60s');
  await write([event(id, 'expired')]);
  const ended = await waiting.ended;
  assert.equal(ended.code, 0, ended.err);
  assert.equal(JSON.parse(ended.out).outcome, 'expired');
  const unknown = await rig.run('trace', newMessageId(Date.now()));
  assert.equal(unknown.code, 4);
});

test('the newest events, oldest first, by every filter', async () => {
  const start = Date.now();
  const ids = Array.from({ length: 30 }, () => newMessageId(start));
  await write(
    ids.map((id, index) =>
      event(id, index % 2 === 0 ? 'delivered' : 'bounced', {
        ...{ time: start + index, tags: ['newest'], campaign: index < 10 ? 'spring' : null },
        ...{
          recipient: `r${index}@${index % 3 === 0 ? 'GMAIL.com' : 'yahoo.com'}`,
          isp: index % 3 === 0 ? 'gmail' : 'yahoo',
        },
      }),
    ),
  );
  const recipients = async (...flags: string[]) => {
    const { code, out, err } = await rig.run('--json', 'events', '--tag', 'newest', ...flags);
    assert.equal(code, 0, err);
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).recipient.split('@')[0]);
  };
  assert.deepEqual(await recipients('--limit', '3'), ['r27', 'r28', 'r29']);
  assert.equal((await recipients()).length, 20);
  assert.deepEqual(await recipients('--kind', 'bounced', '--campaign', 'spring'), [
    'r1',
    'r3',
    'r5',
    'r7',
    'r9',
  ]);
  assert.deepEqual(await recipients('--isp', 'gmail', '--campaign', 'spring'), ['r0', 'r3', 'r6', 'r9']);
  assert.deepEqual(await recipients('--to', 'R3@gmail.com'), ['r3']);
  assert.deepEqual(await recipients('--to', '@yahoo.com', '--campaign', 'spring', '--kind', 'delivered'), [
    'r2',
    'r4',
    'r8',
  ]);
  assert.deepEqual(await recipients('--message', ids[5] ?? ''), ['r5']);
  assert.deepEqual(await recipients('--stream', 'batch'), []);
  const followed = await rig.run(
    '--json',
    'events',
    '--follow',
    '--since',
    '10m',
    '--tag',
    'newest',
    '--limit',
    '30',
  );
  assert.equal(followed.code, 0);
  assert.equal(followed.out.trim().split('\n').length, 30);
});

test('status counts what waits by stream and provider, and adds up what the workers tell', async () => {
  const producer = await installation.kafka.producer();
  // Opaque to status: the group has not read it.
  const waiting = { key: 'k', value: Buffer.from('x') };
  await producer.sendBytes('mail.batch.gmail', waiting);
  await producer.sendBytes('mail.batch.gmail', waiting);
  await producer.sendBytes('mail.realtime.yahoo', waiting);
  await producer.sendBytes('mail.delay.1m', waiting);
  const report = (worker: number, waitingHere: number): WorkerReport => ({
    ...{ stream: 'batch', worker, host: 'one', pid: worker, at: Date.now(), known_lanes: 1 },
    lanes: [
      {
        ...{ lane: 'batch/gmail/one', waiting: waitingHere, sessions: 2, connections: 5 },
        ...{ messages_per_second: 0.5, throttled: worker === 2, sent: 100 },
      },
    ],
  });
  for (const worker of [1, 2]) {
    await redis.client.zadd(workersKey(keyPrefix, 'batch'), String(Date.now() + 60_000), String(worker));
    const key = workerReportKey(keyPrefix, 'batch', worker);
    await redis.client.set(key, JSON.stringify(report(worker, worker * 10)), 'PX', 60_000);
  }
  await redis.client.set(workerReportKey(keyPrefix, 'batch', 3), 'not ours', 'PX', 60_000);
  await redis.client.zadd(workersKey(keyPrefix, 'batch'), String(Date.now() + 60_000), '3');
  const { out, code, err } = await rig.run('--json', 'status');
  assert.equal(code, 0, err);
  const found = JSON.parse(out);
  assert.deepEqual(
    found.streams.map(
      ({ stream, waiting: count }: { stream: string; waiting: number }) => `${stream} ${count}`,
    ),
    ['realtime 1', 'batch 2'],
  );
  assert.deepEqual(found.overdue, []);
  assert.deepEqual(found.lanes, [
    {
      ...{ lane: 'batch/gmail/one', stream: 'batch', waiting: 30, sessions: 4, connections: 5 },
      ...{ messages_per_second: 0.5, throttled: true, sent: 200, workers: 2 },
    },
  ]);
  const shown = (await rig.run('status')).out;
  assert.match(shown, /^gmail +· +2$/m);
  assert.match(shown, /^yahoo +1 +·$/m);
  assert.match(shown, /^all +1 +2$/m);
  assert.match(shown, /^1 messages wait for a later try: 1 in mail\.delay\.1m$/m);
  assert.match(shown, /^Delivery workers: no worker for realtime, 2 for batch$/m);
  assert.match(shown, /^batch\/gmail\/one +30 +4 of 5 +30\/min, waiting +200$/m);
  await redis.client.del(
    workersKey(keyPrefix, 'batch'),
    ...[1, 2, 3].map((worker) => workerReportKey(keyPrefix, 'batch', worker)),
  );
});

test('status shows what is suspended, on which stream, by whom, and how it is resumed', async () => {
  const producer = await installation.kafka.producer();
  const scope = 'campaign:acme/spring';
  const reason = '6 complaints of 2000 mails in 24 h: 0.3 %';
  await producer.send('ControlState', topics.control, {
    key: `suspension|${scope}`,
    value: {
      ...{ scope, kind: 'suspension', until: null, reason, author: 'automation:spike-complaints' },
      ...{ set_at: Date.now(), value: '{"stream":"batch"}' },
    },
  });
  const { suspended } = JSON.parse((await rig.run('--json', 'status')).out);
  assert.deepEqual(suspended, [
    { scope, stream: 'batch', reason, author: 'automation:spike-complaints', until: null },
  ]);
  const { out } = await rig.run('status');
  assert.match(
    out,
    /^batch of campaign:acme\/spring is suspended until millrace resume 'campaign:acme\/spring', by/m,
  );
});

test('status and doctor show what has used half of its retention and is not finished', async () => {
  const producer = await installation.kafka.producer();
  const timestamp = Date.now() - 4 * 86_400_000;
  await producer.sendBytes('mail.delay.6h', { key: 'k', value: Buffer.from('old'), timestamp });
  const { overdue } = JSON.parse((await rig.run('--json', 'status')).out);
  assert.deepEqual(overdue, [
    { group: 'scheduler', topic: 'mail.delay.6h', retentionMs: 7 * 86_400_000, records: 1, lost: 0 },
  ]);
  const line = /mail\.delay\.6h has 1 unfinished records older than half of the 7 d that it keeps them$/m;
  assert.match((await rig.run('status')).out, line);
  const doctor = JSON.parse((await rig.run('--json', 'doctor')).out);
  const finding = doctor.findings.find(({ check }: { check: string }) => check === 'retention');
  assert.equal(finding?.status, 'warning', JSON.stringify(doctor));
  assert.match(finding.what, line);
});

test('what is away, or another’s, is told apart', async () => {
  using withoutKafka = cliRig(environment({ KAFKA_BROKERS: '127.0.0.1:1' }));
  assert.equal((await withoutKafka.run('status')).code, 3);
  using withoutRegistry = cliRig(environment({ SCHEMA_REGISTRY_URL: 'http://127.0.0.1:2' }));
  const events = await withoutRegistry.run('events');
  assert.equal(events.code, 3);
  assert.match(events.err, /No schema registry at http:\/\/127\.0\.0\.1:2/);
  using withoutRedis = cliRig(environment({ REDIS_URL: 'redis://127.0.0.1:1' }));
  const status = await withoutRedis.run('--json', 'status');
  assert.equal(status.code, 0, status.err);
  assert.equal(JSON.parse(status.out).lanes, null);
  using otherPrefix = cliRig(environment({ MILLRACE_TOPIC_PREFIX: 'nobody.' }));
  const none = await otherPrefix.run('events');
  assert.equal(none.code, 4);
  assert.match(none.err, /has no topic nobody\.mail\.events/);
});
