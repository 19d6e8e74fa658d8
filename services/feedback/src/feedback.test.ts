/** The service on real Kafka and Redis: its doors, and what comes of what goes in. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deadLetterTopic, newMessageId, topics } from '@millrace/core';
import { type TestInstallation, testInstallation, until } from '@millrace/kafka/testing';
import { verpAddress, verpToken } from '@millrace/message';
import type { InboundReport, MessageEvent, Suppression } from '@millrace/schemas';
import { connectRedis, type RedisConnection } from '@millrace/service';
import nodemailer from 'nodemailer';
import { type Feedback, startFeedback } from './index.ts';
import { secret } from './specimens.ts';

const apiKey = 'mr_test_0123456789abcdef';
const domain = 'bounces.acme.example';
const rows = new Map<string, Suppression>();
const events: MessageEvent[] = [];
const reports: InboundReport[] = [];
let installation: TestInstallation & { readonly kafka: Awaited<ReturnType<TestInstallation['connect']>> };
let redis: RedisConnection;
let feedback: Feedback;
let directory: string;

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

before(async () => {
  installation = await testInstallation([
    ...[topics.reports, deadLetterTopic(topics.reports), topics.events, deadLetterTopic(topics.events)],
    ...[topics.suppressions, topics.suppressionChanges],
  ]);
  directory = mkdtempSync(join(tmpdir(), 'millrace-feedback-'));
  const { options, kafka } = installation;
  const config = {
    kafka: {
      ...{ brokers: [...options.brokers], topic_prefix: options.topicPrefix ?? '' },
      ...{ partitions: 2, replication_factor: 1 },
    },
    registry: { url: options.registry.url },
    redis: {
      url: process.env.REDIS_URL ?? '',
      key_prefix: `fb-${randomUUID().slice(0, 8)}:`,
    },
    tenants: {
      acme: {
        ...{ default_stream: 'batch' as const, categories: {}, from_domains: ['acme.example'], webhooks: {} },
        pools: { realtime: 'realtime', batch: 'batch' },
        api_keys: [
          {
            id: 'test',
            sha256: createHash('sha256').update(apiKey).digest('hex'),
            scopes: ['suppressions:write' as const],
          },
        ],
      },
    },
    dkim: [],
    return_path_domain: domain,
    unsubscribe: { url: 'https://acme.example/unsubscribe/{token}', secret },
    feedback_id_sender: 'millrace',
    blobs: { kind: 'file' as const, directory },
    feedback: {
      smtp: {
        ...{ host: '127.0.0.1', port: 0, enabled: true, hostname: 'mx.acme.example' },
        ...{ max_connections: 10, mails_per_minute: 30 },
      },
      http: { host: '127.0.0.1', port: 0 },
      max_report_bytes: 600_000,
      complaint_addresses: ['fbl@acme.example'],
      soft_bounces: { count: 3, within_days: 7, suppress_days: 30 },
    },
  };
  redis = connectRedis(config, silent);
  await redis.connected(5_000);
  await kafka.followedTable({
    topic: topics.suppressions,
    record: 'Suppression',
    onChange: (key, value) => {
      if (value === null) rows.delete(key);
      else rows.set(key, value);
    },
  });
  await kafka.tail({
    topic: topics.events,
    record: 'MessageEvent',
    from: 'earliest',
    onRecord: ({ value }) => {
      events.push(value);
    },
  });
  await kafka.tail({
    topic: topics.reports,
    record: 'InboundReport',
    from: 'earliest',
    onRecord: ({ value }) => {
      reports.push(value);
    },
  });
  feedback = await startFeedback({ config, redis, logger: silent });
  await until(() => feedback.ready, 'ready');
});
after(async () => {
  await feedback?.stop();
  await redis?.stop();
  await installation?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** A bounce in the form of RFC 3464, `padding` bytes larger. */
const dsn = (address: string, status: string, text: string, padding = 0): string =>
  [
    ...['From: MAILER-DAEMON@mx.example', 'Subject: failure', 'MIME-Version: 1.0'],
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    ...['', '--b', 'Content-Type: text/plain', '', text, '', '--b', 'Content-Type: message/delivery-status'],
    ...['', 'Reporting-MTA: dns; mx.example', '', `Final-Recipient: rfc822; ${address}`, 'Action: failed'],
    ...[`Status: ${status}`, `Diagnostic-Code: smtp; ${text}`, '', '--b', 'Content-Type: message/rfc822', ''],
    ...['Subject: news', '', ...Array.from({ length: Math.ceil(padding / 72) }, () => 'x'.repeat(70))],
    ...['--b--', ''],
  ].join('\r\n');

const send = async (to: string, raw: string): Promise<string> => {
  const transport = nodemailer.createTransport({
    ...{ host: '127.0.0.1', port: feedback.smtpPort ?? 0, requireTLS: true },
    tls: { rejectUnauthorized: false },
  });
  try {
    const { response } = await transport.sendMail({ envelope: { from: '', to: [to] }, raw });
    return response;
  } catch (error) {
    return error instanceof Error && 'response' in error ? String(error.response) : String(error);
  } finally {
    transport.close();
  }
};
const returnPath = (recipient: string): string =>
  verpAddress(verpToken(newMessageId(Date.now()), { tenant: 'acme', recipient }, secret), domain);

test('a bounce over TLS is kept before it is read, and suppresses at once', async () => {
  const recipient = 'gone@example.org';
  const answer = await send(returnPath(recipient), dsn(recipient, '5.1.1', '550 5.1.1 User unknown'));
  assert.match(answer, /^250 2\.6\.0 Ok/);
  await until(() => rows.has('acme/gone@example.org'), 'the suppression');
  const row = rows.get('acme/gone@example.org');
  assert.deepEqual([row?.reason, row?.author, row?.expires_at], ['bounce', 'feedback', null]);
  const id = answer.split(' ').at(-1);
  assert.equal(reports.find((report) => report.report_id === id)?.source, 'smtp');
});

test('mail for anybody else is refused with what is taken here; a forged return path too', async () => {
  const forged = verpAddress(
    verpToken(newMessageId(Date.now()), { tenant: 'acme', recipient: 'x@y.z' }, 'another secret of tests'),
    domain,
  );
  for (const to of ['postmaster@acme.example', 'info@acme.example', `b+${'a'.repeat(44)}@${domain}`, forged])
    assert.match(await send(to, 'Subject: x\r\n\r\nx\r\n'), /^550 5\.7\.1 Only bounces/, to);
});

test('a large report goes by the blob store; one that is too large is refused', async () => {
  const recipient = 'large@example.org';
  const text = '550 5.1.1 User unknown';
  assert.match(await send(returnPath(recipient), dsn(recipient, '5.1.1', text, 400_000)), /^250/);
  await until(() => rows.has('acme/large@example.org'), 'the suppression');
  assert.ok(reports.some(({ blob, raw }) => blob !== null && raw === null));
  assert.match(await send(returnPath(recipient), dsn(recipient, '5.1.1', text, 700_000)), /^552 5\.3\.4/);
});

test('a full mailbox is suppressed for a time after three messages, a report that is repeated counts once', async () => {
  const recipient = 'full@example.org';
  const raw = dsn(recipient, '5.2.2', '552 5.2.2 Mailbox full');
  const first = returnPath(recipient);
  for (const to of [first, first, first, returnPath(recipient)]) assert.match(await send(to, raw), /^250/);
  await until(
    () => events.filter((event) => event.recipient.toLowerCase() === recipient).length === 4,
    'four events',
  );
  assert.equal(rows.has('acme/full@example.org'), false);
  await send(returnPath(recipient), raw);
  await until(() => rows.has('acme/full@example.org'), 'the suppression');
  const row = rows.get('acme/full@example.org');
  assert.equal(Math.round(((row?.expires_at ?? 0) - (row?.created_at ?? 0)) / 86_400_000), 30);
});

test('a report by HTTP needs a key; what names no message by a token counts there, and not by SMTP', async () => {
  const post = (key: string, body: string) =>
    fetch(`http://127.0.0.1:${feedback.httpPort}/v1/reports`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'message/rfc822' },
      body,
    });
  const raw = dsn('posted@example.org', '5.1.1', '550 5.1.1 User unknown');
  assert.equal((await post('mr_test_none', raw)).status, 401);
  assert.equal((await post(apiKey, '')).status, 400);
  assert.match(await send('fbl@acme.example', dsn('forged@example.org', '5.1.1', 'User unknown')), /^250/);
  assert.equal((await post(apiKey, raw)).status, 202);
  await until(() => rows.has('acme/posted@example.org'), 'the suppression');
  await until(() => events.some(({ recipient }) => recipient === 'forged@example.org'), 'the event');
  assert.equal(rows.has('acme/forged@example.org'), false);
});

test('a client that sends too much in a minute is told to come back', async () => {
  let answer = '';
  for (let count = 0; count < 40 && !answer.startsWith('450'); count++)
    answer = await send('fbl@acme.example', 'Subject: x\r\n\r\nx\r\n');
  assert.match(answer, /^450 4\.7\.0 More than 30 mails a minute/);
});
