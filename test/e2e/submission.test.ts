/** From an SMTP client to the mailbox. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createTransport } from 'nodemailer';
import { assertAuthenticated, fieldOf } from '../rig/mailboxes.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

describe('A message by SMTP submission', () => {
  let pipeline: PipelineInUse;
  before(async () => {
    pipeline = await usePipeline();
  });
  after(() => pipeline.stop());

  const transport = () => {
    const [host, port] = pipeline.endpoints.ingest.smtp.split(':');
    return createTransport({
      host,
      port: Number(port),
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: 'local', pass: pipeline.endpoints.apiKey },
    });
  };

  test('over STARTTLS with AUTH arrives signed; its X-Millrace fields are obeyed and gone', async () => {
    const to = [`${pipeline.unique('smtp1')}@gmail.com`, `${pipeline.unique('smtp2')}@tail-13.test`];
    await transport().sendMail({
      from: 'Shop <shop@millrace.test>',
      to,
      subject: 'Receipt',
      text: 'Thank you.',
      headers: {
        'X-Millrace-Stream': 'realtime',
        'X-Millrace-Category': 'receipt',
        'X-Millrace-Tag': 'shop',
      },
    });
    for (const recipient of to) {
      const mail = await pipeline.mailboxes.one(recipient);
      assertAuthenticated(mail);
      assert.deepEqual(mail.envelope.rcpt_to, [recipient]);
      assert.deepEqual(
        mail.headers.filter(({ name }) => /^x-millrace/i.test(name)),
        [],
      );
      assert.equal(mail.subject, 'Receipt');
      // As the application wrote it: To names both.
      assert.equal(fieldOf(mail, 'to'), to.join(', '));
      assert.match(mail.client.ehlo, /^mta-r/, 'by a source of the realtime pool');
    }
  });

  test('with a wrong key is refused', async () => {
    const [host, port] = pipeline.endpoints.ingest.smtp.split(':');
    const stranger = createTransport({
      host,
      port: Number(port),
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: 'local', pass: 'guess' },
    });
    await assert.rejects(
      stranger.sendMail({ from: 'a@millrace.test', to: 'b@gmail.com', subject: 'x', text: 'x' }),
      /535/,
    );
  });
});
