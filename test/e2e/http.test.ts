/** From a call of the HTTP API to the mailbox. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { assertAuthenticated, fieldOf } from '../rig/mailboxes.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

const from = 'Millrace <hello@millrace.test>';

let pipeline: PipelineInUse;
before(async () => {
  pipeline = await usePipeline();
});
after(() => pipeline.stop());

describe('A message by HTTP', () => {
  test('arrives signed and aligned; its life is told in order, under one trace from the call to the 250', async () => {
    const to = `${pipeline.unique('otp')}@gmail.com`;
    const traceId = randomBytes(16).toString('hex');
    const id = await pipeline.api.sendOne(
      {
        from,
        to: [to],
        subject: 'Your code',
        text: 'It is 4711.',
        html: '<p>It is <b>4711</b>.',
        category: 'otp',
      },
      { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
    );
    const mail = await pipeline.mailboxes.one(to);
    assertAuthenticated(mail);
    assert.equal(mail.subject, 'Your code');
    assert.equal(fieldOf(mail, 'from'), 'Millrace <hello@millrace.test>');
    assert.equal(fieldOf(mail, 'to'), to);
    assert.match(fieldOf(mail, 'date') ?? '', /^\w{3}, \d/);
    assert.ok(fieldOf(mail, 'message-id')?.includes(id));
    assert.match(mail.tls?.protocol ?? '', /^TLSv1\.[23]$/, 'Gmail takes mail over TLS only');
    // A resumed session does not name the host again.
    assert.equal(mail.tls?.server_name ?? mail.mx_host, mail.mx_host);
    assert.match(mail.envelope.mail_from, /@bounces\.millrace\.test$/);

    const life = await pipeline.events.life(id);
    assert.deepEqual(
      life.map(({ kind }) => kind),
      ['accepted', 'routed', 'delivered'],
    );
    assert.deepEqual([...new Set(life.map((event) => event.trace_id))], [traceId]);
    const delivered = life.at(-1);
    assert.equal(delivered?.stream, 'realtime');
    assert.equal(delivered?.isp, 'gmail');
    assert.equal(delivered?.reply_code, 250);
    assert.equal(delivered?.attempt, 1);
    assert.equal(delivered?.mx, mail.mx_host);
    assert.match(delivered?.source ?? '', /^realtime-/);
    assert.ok((delivered?.latency_ms ?? -1) >= 0);
    assert.equal(delivered?.tls?.verified, true);
  });

  test('to several recipients is a message of its own for each, and none sees another', async () => {
    const names = ['anna', 'ben', 'cleo'].map((name) => pipeline.unique(name));
    const to = [`${names[0]}@yahoo.com`, `${names[1]}@outlook.com`, `${names[2]}@tail-09.test`];
    const { messages } = await pipeline.api.send({
      from,
      to,
      subject: 'To all',
      text: 'Hello',
      stream: 'realtime',
    });
    assert.deepEqual(
      messages.map((message) => message.to),
      to,
    );
    for (const recipient of to) {
      const mail = await pipeline.mailboxes.one(recipient);
      assert.deepEqual(mail.envelope.rcpt_to, [recipient]);
      assert.equal(fieldOf(mail, 'to'), recipient);
      assertAuthenticated(mail);
    }
    assert.equal(new Set(messages.map(({ message_id }) => message_id)).size, 3);
  });

  test('of a template is rendered for each recipient, with what HTML needs escaped', async () => {
    const template = pipeline.unique('welcome');
    await pipeline.api.putTemplate(template, {
      subject: 'Welcome, {{ name }}',
      text: 'Hello {{ name }}, {{ city }}',
      html: '<p>Hello {{ name }}</p>',
    });
    const [one, two] = [`${pipeline.unique('t1')}@icloud.com`, `${pipeline.unique('t2')}@comcast.net`];
    await pipeline.api.send({
      from,
      to: [
        { address: one, variables: { name: 'A & <B>' } },
        { address: two, variables: { name: 'Zoë' } },
      ],
      template,
      variables: { city: 'Köln' },
      stream: 'batch',
      campaign: 'spring',
    });
    const first = await pipeline.mailboxes.one(one);
    assert.equal(first.subject, 'Welcome, A & <B>');
    assert.match(first.raw ?? '', /Hello A &amp; &lt;B&gt;/);
    assertAuthenticated(first);
    const second = await pipeline.mailboxes.one(two);
    assert.equal(second.subject, 'Welcome, Zoë');
    assertAuthenticated(second);
    // What bulk-sender rules ask of a batch, RFC 8058.
    assert.match(fieldOf(second, 'list-unsubscribe') ?? '', /<https:\/\/millrace\.test\/unsubscribe\//);
    assert.equal(fieldOf(second, 'list-unsubscribe-post'), 'List-Unsubscribe=One-Click');
    assert.match(fieldOf(second, 'feedback-id') ?? '', /spring.*:millrace$/);
  });

  test('with an Idempotency-Key that was used is not sent again', async () => {
    const to = `${pipeline.unique('once')}@gmail.com`;
    const key = pipeline.unique('order');
    const body = { from, to: [to], subject: 'Once', text: 'Once only', stream: 'realtime' };
    const first = await pipeline.api.send(body, { 'idempotency-key': key });
    const again = await pipeline.api.send(body, { 'idempotency-key': key });
    assert.deepEqual(again, first);
    await pipeline.events.life(first.messages[0]?.message_id ?? '');
    // Whatever comes behind it on the same way has come: a second copy would have too.
    const marker = `${pipeline.unique('after-once')}@gmail.com`;
    await pipeline.api.send({ ...body, to: [marker] });
    await pipeline.mailboxes.one(marker);
    assert.equal((await pipeline.mailboxes.now(to)).length, 1);
  });

  test('with attachments and fields of its own arrives with them', async () => {
    const to = `${pipeline.unique('files')}@tail-11.test`;
    const content = randomBytes(70_000);
    await pipeline.api.send({
      from,
      to: [to],
      subject: 'Rechnung Nr. 7 — Größe',
      text: 'Anbei.',
      attachments: [{ filename: 'größe.bin', content: content.toString('base64') }],
      headers: { 'X-Order': '4711' },
      reply_to: 'office@millrace.test',
      stream: 'realtime',
    });
    const mail = await pipeline.mailboxes.one(to);
    assert.equal(mail.subject, 'Rechnung Nr. 7 — Größe');
    assert.equal(fieldOf(mail, 'x-order'), '4711');
    assert.equal(fieldOf(mail, 'reply-to'), 'office@millrace.test');
    const lines = (mail.raw ?? '').replaceAll('\r\n', '');
    assert.ok(lines.includes(content.toString('base64')), 'the attachment, byte for byte');
    assertAuthenticated(mail);
  });
});

describe('A batch by HTTP', () => {
  test('every line is answered in its order, and each message arrives once', async () => {
    const domains = ['gmail.com', 'yahoo.com', 'tail-21.test', 'tail-22.test'];
    const recipients = Array.from(
      { length: 120 },
      (_, index) => `${pipeline.unique(`line${index}`)}@${domains[index % domains.length]}`,
    );
    const answers = await pipeline.api.sendLines(
      recipients.map((to, index) => ({
        from,
        to: [to],
        subject: `Line ${index}`,
        text: `Number ${index}`,
        stream: 'batch',
      })),
    );
    assert.equal(answers.length, recipients.length);
    const ids = answers.map(({ message_ids: [id] = [] }) => id ?? '');
    assert.equal(new Set(ids).size, recipients.length);
    for (const [index, id] of ids.entries()) {
      const life = await pipeline.events.life(id);
      assert.equal(life.at(-1)?.kind, 'delivered');
      assert.equal(life.at(-1)?.recipient, recipients[index]);
    }
    for (const to of recipients) assert.equal((await pipeline.mailboxes.of(to)).length, 1);
  });
});
