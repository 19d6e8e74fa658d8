import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryTask } from '@millrace/schemas';
import { composeForBlob } from './compose-for-blob.ts';
import { prepareMessage } from './prepare-message.ts';
import {
  ed25519Key,
  factsWith,
  specimenNow,
  taken,
  taskWith,
  unsubscribeSpecimen,
  valuesOf,
  verifiedSignatures,
} from './specimen.ts';

const facts = factsWith([ed25519Key], { unsubscribe: unsubscribeSpecimen });
const prepared = (raw: string | Buffer, task: Partial<DeliveryTask> = {}) =>
  prepareMessage(
    facts,
    taskWith({ raw: typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw, ...task }),
    { now: specimenNow },
  );
const names = (data: Buffer): readonly string[] => taken(data).fields.map(([name]) => name);

const whole =
  'Received: from a by b\r\nFrom: news@example.com\r\nTo: Bob <bob@example.org>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0100\r\nMessage-ID: <a@b>\r\nSubject: x\r\n\r\nbody \r\n';

test('a whole message is passed on byte for byte below what is added', async () => {
  const { data } = await prepared(whole);
  assert.ok(data.toString('latin1').endsWith(whole));
  assert.deepEqual(names(data).slice(0, 3), ['DKIM-Signature', 'Feedback-ID', 'Received']);
});

test('Date, Message-ID, To and From are added only when they are missing', async () => {
  const { data } = await prepared('Subject: x\r\n\r\nbody\r\n');
  assert.deepEqual(names(data), [
    'DKIM-Signature',
    'From',
    'To',
    'Date',
    'Message-ID',
    'Feedback-ID',
    'Subject',
  ]);
  assert.deepEqual(valuesOf(data, 'From'), ['Acme News <news@example.com>']);
  const cc = await prepared(
    'FROM: news@example.com\r\ncc: x@example.net\r\nmessage-id : <x@y>\r\ndate:x\r\n\r\n',
  );
  assert.deepEqual(names(cc.data), ['DKIM-Signature', 'Feedback-ID', 'FROM', 'cc', 'message-id ', 'date']);
});

test('Bcc, Return-Path and X-Millrace fields are taken out with all their lines, other signatures stay', async () => {
  const { data } = await prepared(
    `Return-Path: <x@y>\r\nDKIM-Signature: v=1; d=other\r\nbcc: one@example.net,\r\n\ttwo@example.net\r\nX-Millrace-Tag: a\r\n${whole.replace('\r\n\r\n', '\r\nBcc: three@example.net\r\nX-MILLRACE-X: y\r\n z\r\n\r\n')}`,
  );
  assert.ok(data.toString('latin1').endsWith(`\r\nDKIM-Signature: v=1; d=other\r\n${whole}`));
});

test('in a body nothing is taken out', async () => {
  const { data } = await prepared(`${whole}Bcc: x@y.z\r\nX-Millrace-Tag: a\r\n`);
  assert.ok(data.toString('latin1').endsWith('body \r\nBcc: x@y.z\r\nX-Millrace-Tag: a\r\n'));
});

test('batch gets List-Unsubscribe and Feedback-ID unless it has its own', async () => {
  const added = await prepared(whole, { stream: 'batch' });
  assert.equal(valuesOf(added.data, 'List-Unsubscribe').length, 1);
  assert.equal(valuesOf(added.data, 'List-Unsubscribe-Post').length, 1);
  const own = await prepared(`List-Unsubscribe: <https://own.example/>\r\nFeedback-ID: a:b:c:d\r\n${whole}`, {
    stream: 'batch',
  });
  assert.deepEqual(valuesOf(own.data, 'List-Unsubscribe'), ['<https://own.example/>']);
  assert.deepEqual(valuesOf(own.data, 'List-Unsubscribe-Post'), []);
  assert.deepEqual(valuesOf(own.data, 'Feedback-ID'), ['a:b:c:d']);
});

test('line ends that are not CRLF become CRLF, the rest stays', async () => {
  const { data } = await prepared('From: a@example.com\nSubject: x\n\none\rtwo\nthree \t\xff\0');
  assert.ok(
    data
      .toString('latin1')
      .endsWith('From: a@example.com\r\nSubject: x\r\n\r\none\r\ntwo\r\nthree \t\xff\0\r\n'),
  );
});

test('the line that a mailbox file puts before a message is left out', async () => {
  const { data } = await prepared(`From news@example.com Mon Jan  1 00:00:00 2024\r\n${whole}`);
  assert.ok(data.toString('latin1').endsWith(`\r\n${whole}`));
  assert.ok(!data.includes('From news@'));
});

test('a header alone and a body alone become messages', async () => {
  const header = await prepared('From: a@example.com\r\nSubject: x\r\n');
  assert.ok(header.data.toString('latin1').endsWith('Subject: x\r\n\r\n'));
  const body = await prepared('\r\nbody\r\n');
  assert.deepEqual(valuesOf(body.data, 'From'), ['Acme News <news@example.com>']);
  assert.equal(taken(body.data).body, 'body\r\n');
  for (const { data } of [header, body])
    assert.equal((await verifiedSignatures(data, [ed25519Key]))[0]?.result, 'pass');
});

test('8-bit content is said so, and lines of any length stay whole', async () => {
  const line = 'x'.repeat(5_000);
  const { data, eightBit, smtpUtf8 } = await prepared(`${whole}\xe4 ${line}\r\n`);
  assert.deepEqual([eightBit, smtpUtf8], [true, false]);
  assert.ok(data.includes(`\r\n\xe4 ${line}\r\n`, 0, 'latin1'));
  assert.equal((await prepared(whole)).eightBit, false);
  assert.equal((await verifiedSignatures(data, [ed25519Key]))[0]?.result, 'pass');
});

test('a composed request in the blob store becomes a whole message for each recipient', async () => {
  const request = {
    request_id: 'r',
    tenant: 'acme',
    idempotency_key: null,
    accepted_at: specimenNow,
    via: 'http',
    stream: null,
    category: null,
    campaign: null,
    mail_from: { address: 'news@example.com', name: 'Acme' },
    recipients: [],
    raw: null,
    blob: null,
    template_id: null,
    template_version: null,
    variables: null,
    composed: {
      subject: 'Grüße\r\nBcc: x@y.z',
      text: 'a',
      html: null,
      attachments: [
        {
          filename: 'a.bin',
          content_type: 'application/octet-stream',
          content: Buffer.alloc(300_000),
          content_id: null,
        },
      ],
    },
    headers: [{ name: 'X-Order', value: '1' }],
    reply_to: 'help@example.com',
    tags: [],
    metadata: {},
    send_at: null,
    expires_at: null,
    pool: null,
    guarantee: 'at_least_once',
    routing_attempts: 0,
  };
  const blob = await composeForBlob(request);
  const { data } = await prepareMessage(facts, taskWith({ blob: 'ref' }), { blob, now: specimenNow });
  assert.deepEqual(names(data), [
    'DKIM-Signature',
    'To',
    'Date',
    'Message-ID',
    'Feedback-ID',
    'From',
    'Subject',
    'Reply-To',
    'X-Order',
    'MIME-Version',
    'Content-Type',
  ]);
  assert.deepEqual(valuesOf(data, 'To'), ['bob@example.org']);
  assert.equal((await verifiedSignatures(data, [ed25519Key]))[0]?.result, 'pass');
});
