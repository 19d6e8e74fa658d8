/** Against an SMTP server that others wrote. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { SMTPServer } from 'smtp-server';
import { testAuthority } from '../test-certificates.ts';
import { connectTo, summary, testMail } from '../test-session.ts';
import type { SmtpOptions } from './smtp-options.ts';
import type { SmtpConnection } from './smtp-session.ts';

interface Received {
  readonly raw: Buffer;
  readonly rcptTo: string;
  readonly args: object;
}

describe("nodemailer's smtp-server", () => {
  const received = new Map<string, Received>();
  let server: SMTPServer;
  let options: Partial<SmtpOptions>;
  let port = 0;
  before(async () => {
    const authority = await testAuthority();
    const certificate = await authority.certificate(['mx.test']);
    options = { ca: authority.ca };
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['AUTH'],
      cert: certificate.cert,
      key: certificate.key,
      size: 5_000_000,
      onRcptTo: ({ address }, _session, done) =>
        address.startsWith('unknown')
          ? done(Object.assign(new Error('5.1.1 No such user'), { responseCode: 550 }))
          : done(),
      onData(stream, session, done) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          const address = rcptTo[0]?.address ?? '';
          received.set(address, {
            raw: Buffer.concat(chunks),
            rcptTo: address,
            args: mailFrom === false ? {} : { ...mailFrom.args },
          });
          done(null, '2.0.0 queued');
        });
      },
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.server.address();
    assert.ok(address !== null && typeof address === 'object');
    port = address.port;
  });
  after(() => new Promise<void>((resolve) => server.close(() => resolve())));

  const part = fc.oneof(
    fc.constantFrom(
      '.',
      '..',
      '\r\n',
      '\r\n.',
      '\r\n.\r\n',
      '\r\n..\r\n',
      'QUIT\r\n',
      '-',
      'é',
      '\u2028',
      'x'.repeat(998),
    ),
    fc.uint8Array({ maxLength: 30 }).map((bytes) =>
      Buffer.from(bytes)
        .toString('latin1')
        .replace(/[\r\n]/g, ''),
    ),
  );
  const content = fc
    .record({ parts: fc.array(part, { maxLength: 40 }), times: fc.constantFrom(1, 1, 1, 50, 2_000) })
    .map(({ parts, times }) => Buffer.from(`${parts.join('').repeat(times)}\r\n`).subarray(-3_000_000));

  for (const tls of ['disabled', 'required'] as const) {
    it(`takes every mail byte for byte, two at a time, ${tls === 'required' ? 'under TLS' : 'in the clear'}`, async () => {
      let connection: SmtpConnection = await connectTo(port, { ...options, tls });
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(content, { minLength: 1, maxLength: 2 }), async (contents) => {
          if (!connection.usable) connection = await connectTo(port, { ...options, tls });
          const mails = contents.map((data) => {
            sent++;
            return { ...testMail, eightBit: true, data, rcptTo: `${tls}${sent}@receiver.test` };
          });
          const results = await Promise.all(mails.map((mail) => connection.send(mail)));
          assert.deepEqual(
            results.map(summary),
            mails.map(() => 'delivered 250'),
          );
          for (const mail of mails) {
            const there = received.get(mail.rcptTo);
            received.delete(mail.rcptTo);
            assert.ok(there?.raw.equals(mail.data));
          }
        }),
        { numRuns: 60 },
      );
      await connection.quit();
    });
  }

  it('takes internationalised addresses', async () => {
    const connection = await connectTo(port, { ...options, tls: 'required' });
    const rcptTo = 'bücher@bücher.example';
    assert.equal(
      summary(await connection.send({ ...testMail, rcptTo, smtpUtf8: true, eightBit: true })),
      'delivered 250',
    );
    assert.deepEqual(
      Object.keys(
        received.get('bücher@xn--bcher-kva.example')?.args ?? received.get(rcptTo)?.args ?? {},
      ).sort(),
      ['BODY', 'SIZE', 'SMTPUTF8'],
    );
    await connection.quit();
  });

  it('refuses one recipient and takes the next, again and again', async () => {
    const connection = await connectTo(port, { ...options, tls: 'required' });
    const results: string[] = [];
    for (let at = 0; at < 20; at++) {
      const rcptTo = `${at % 2 === 0 ? 'unknown' : 'known'}${at}@receiver.test`;
      results.push(summary(await connection.send({ ...testMail, rcptTo })));
    }
    assert.deepEqual(
      results,
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? 'refused rcpt 550' : 'delivered 250')),
    );
    await connection.quit();
  });

  it('knows the null sender', async () => {
    const connection = await connectTo(port, options);
    assert.equal(
      summary(await connection.send({ ...testMail, mailFrom: '', rcptTo: 'null@receiver.test' })),
      'delivered 250',
    );
    await connection.quit();
  });
});
