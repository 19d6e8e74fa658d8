/** Mail that nobody here wrote, submitted raw: it arrives byte for byte below the added fields, and its DKIM verifies. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ReceivedMessage } from '@millrace/sandbox';
import { createTransport } from 'nodemailer';
import { type CorpusMessage, corpusMessages } from '../corpus/corpus.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

const maxInlineBytes = 262_144;
const sizes = { least: 40 };

/** As it must arrive: SMTP carries no line end but CRLF, and a message ends with one. */
const withCrlf = (bytes: Buffer): Buffer => {
  const text = bytes.toString('latin1').replace(/\r\n|\r|\n/g, '\r\n');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
};

describe('The corpus', () => {
  let pipeline: PipelineInUse;
  before(async () => {
    pipeline = await usePipeline();
  });
  after(() => pipeline.stop());

  const messages = corpusMessages().filter(({ bytes }) => bytes.length <= maxInlineBytes);

  const assertArrived = async (message: CorpusMessage, to: string): Promise<void> => {
    const mail = await pipeline.mailboxes.one(to);
    const source = await pipeline.mailboxes.source(mail);
    const sent = withCrlf(message.bytes);
    const below = source.subarray(source.length - bodyOf(sent).length);
    assert.ok(below.equals(bodyOf(sent)), `${message.name}: the body is another`);
    for (const field of fieldsOf(sent))
      assert.ok(source.includes(field), `${message.name}: ${field.toString('latin1').slice(0, 60)} is gone`);
    assertSigned(mail, message.name);
  };

  test('there are enough of them', () => {
    assert.ok(messages.length >= sizes.least, `${messages.length}`);
  });

  test('by the API, as bytes', async () => {
    const accepted: [CorpusMessage, string][] = [];
    for (const [index, message] of messages.entries()) {
      const to = `${pipeline.unique(`corpus-api-${index}`)}@tail-${41 + (index % 10)}.test`;
      const response = await pipeline.api.call('POST', '/v1/messages', {
        to: [to],
        raw_base64: message.bytes.toString('base64'),
        stream: 'realtime',
      });
      const text = await response.text();
      // Some have no From: or several, which no sender may leave out.
      if (response.status === 422) assert.match(text, /from/i, `${message.name}: ${text}`);
      else {
        assert.equal(response.status, 202, `${message.name}: ${text}`);
        accepted.push([message, to]);
      }
    }
    assert.ok(accepted.length >= sizes.least, `${accepted.length} of ${messages.length} accepted`);
    for (const [message, to] of accepted) await assertArrived(message, to);
  });

  test('by SMTP', async () => {
    const [host, port] = pipeline.endpoints.ingest.smtp.split(':');
    const transport = createTransport({
      host,
      port: Number(port),
      pool: true,
      maxConnections: 1,
      maxMessages: 1_000,
      ignoreTLS: true,
      auth: { user: 'local', pass: pipeline.endpoints.apiKey },
    });
    const accepted: [CorpusMessage, string][] = [];
    for (const [index, message] of messages.entries()) {
      const to = `${pipeline.unique(`corpus-smtp-${index}`)}@tail-${41 + (index % 10)}.test`;
      try {
        await transport.sendMail({
          envelope: { from: 'corpus@millrace.test', to },
          raw: withCrlf(message.bytes),
        });
        accepted.push([message, to]);
      } catch (error) {
        assert.match(String(error), /from/i, message.name);
      }
    }
    transport.close();
    assert.ok(accepted.length >= sizes.least, `${accepted.length} of ${messages.length} accepted`);
    for (const [message, to] of accepted) await assertArrived(message, to);
  });
});

/** Every signature of ours passes; others that the message brought may not. */
function assertSigned(mail: ReceivedMessage, name: string): void {
  assert.equal(mail.auth.state, 'done', name);
  const ours = (mail.auth.dkim ?? []).filter(({ domain }) => domain === 'millrace.test');
  assert.equal(ours.length, 2, `${name}: ${JSON.stringify(mail.auth.dkim)}`);
  for (const signature of ours) assert.equal(signature.result, 'pass', `${name}: ${signature.comment}`);
}

const blankLine = Buffer.from('\r\n\r\n');

function bodyOf(message: Buffer): Buffer {
  const end = message.indexOf(blankLine);
  return end === -1 ? Buffer.alloc(0) : message.subarray(end + blankLine.length);
}

/** Raw header fields with their folding, without those that are the system's and a mailbox file's line above them. */
function fieldsOf(message: Buffer): Buffer[] {
  const end = message.indexOf(blankLine);
  const header = message.subarray(0, end === -1 ? message.length : end + 2).toString('latin1');
  return header
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== '' && !/^>?From |^(return-path|bcc|x-millrace-[^:]*)[ \t]*:/i.test(field))
    .map((field) => Buffer.from(field, 'latin1'));
}
