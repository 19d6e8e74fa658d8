import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mailCommands } from './mail-commands.ts';
import { noCapabilities, parseCapabilities } from './smtp-capabilities.ts';
import type { SmtpMail } from './smtp-mail.ts';
import { replyOf } from './smtp-reply.ts';

const everything = parseCapabilities(
  replyOf(250, [
    'mx.test',
    'PIPELINING',
    'SIZE 1000',
    '8bitmime',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
    'STARTTLS',
  ]),
);
const mail: SmtpMail = {
  mailFrom: 'a@sender.test',
  rcptTo: 'b@receiver.test',
  data: Buffer.from('x\r\n'),
  smtpUtf8: false,
  eightBit: false,
};

describe('Capabilities, RFC 5321 4.1.1.1', () => {
  it('reads keywords in any case, with their parameters', () => {
    assert.deepEqual(everything, {
      pipelining: true,
      size: 1000,
      eightBitMime: true,
      smtpUtf8: true,
      enhancedStatusCodes: true,
      startTls: true,
      keywords: ['PIPELINING', 'SIZE', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'STARTTLS'],
    });
  });
  it('takes the first line for a greeting only', () => {
    assert.deepEqual(parseCapabilities(replyOf(250, ['PIPELINING'])), noCapabilities);
  });
  it('takes SIZE without a number as no limit', () => {
    assert.equal(parseCapabilities(replyOf(250, ['mx', 'SIZE'])).size, 0);
    assert.equal(parseCapabilities(replyOf(250, ['mx', 'SIZE lots'])).size, 0);
  });
});

describe('MAIL and RCPT', () => {
  it('carry no parameter to a server that offers none', () => {
    assert.deepEqual(mailCommands(mail, noCapabilities), {
      mail: 'MAIL FROM:<a@sender.test>\r\n',
      rcpt: 'RCPT TO:<b@receiver.test>\r\n',
      encoding: 'latin1',
    });
  });

  it('declare size, 8-bit content and SMTPUTF8', () => {
    assert.deepEqual(
      mailCommands({ ...mail, eightBit: true, smtpUtf8: true, rcptTo: 'bücher@receiver.test' }, everything),
      {
        mail: 'MAIL FROM:<a@sender.test> SIZE=3 BODY=8BITMIME SMTPUTF8\r\n',
        rcpt: 'RCPT TO:<bücher@receiver.test>\r\n',
        encoding: 'utf8',
      },
    );
  });

  it('know the null sender', () => {
    const commands = mailCommands({ ...mail, mailFrom: '' }, noCapabilities);
    assert.ok(!('kind' in commands) && commands.mail === 'MAIL FROM:<>\r\n');
  });

  it('need SMTPUTF8 for an address beyond ASCII, whatever the mail says', () => {
    const result = mailCommands({ ...mail, rcptTo: 'ü@receiver.test' }, noCapabilities);
    assert.ok(
      'kind' in result && result.reply.code === 550 && result.reply.enhanced === '5.6.7' && result.local,
    );
  });

  it('refuse 8-bit content where it is not offered', () => {
    const result = mailCommands({ ...mail, eightBit: true }, noCapabilities);
    assert.ok(
      'kind' in result && result.reply.code === 554 && result.reply.enhanced === '5.6.3' && result.local,
    );
  });

  it('refuse a mail that is larger than the server takes', () => {
    const result = mailCommands({ ...mail, sizeBytes: 1001 }, everything);
    assert.ok(
      'kind' in result && result.reply.code === 552 && result.reply.enhanced === '5.3.4' && result.local,
    );
    assert.ok(!('kind' in mailCommands({ ...mail, sizeBytes: 1000 }, everything)));
  });

  const impossible = [
    'a@b.test\r\nRCPT TO:<c@d.test>',
    'a\n@b.test',
    'a\0@b.test',
    'a @b.test',
    'a>b@c.test',
    '<a@b.test>',
    '"a\r"@b.test',
    '"a"b c@d.test',
  ];
  for (const address of impossible) {
    it(`cannot hold ${JSON.stringify(address)}`, () => {
      assert.throws(() => mailCommands({ ...mail, rcptTo: address }, everything), TypeError);
      assert.throws(() => mailCommands({ ...mail, mailFrom: address }, everything), TypeError);
    });
  }

  it('need a recipient', () =>
    assert.throws(() => mailCommands({ ...mail, rcptTo: '' }, everything), TypeError));

  for (const address of ['"a b"@c.test', '"a<b>\\"c"@d.test', "o'hara+tag=x@c.test", 'a@[192.0.2.1]']) {
    it(`hold ${address}`, () =>
      assert.ok(!('kind' in mailCommands({ ...mail, rcptTo: address }, everything))));
  }

  it('are one line each, whatever the addresses', () => {
    const address = fc.oneof(
      fc
        .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 30 })
        .map((points) => String.fromCodePoint(...points)),
      fc
        .array(fc.constantFrom('a', '@', '"', '\\', ' ', '\r', '\n', '>', '<', '\0', '.'), { maxLength: 12 })
        .map((c) => c.join('')),
    );
    fc.assert(
      fc.property(address, address, (mailFrom, rcptTo) => {
        try {
          const commands = mailCommands({ ...mail, mailFrom, rcptTo }, everything);
          if ('kind' in commands) return;
          for (const command of [commands.mail, commands.rcpt]) {
            const bytes = Buffer.from(command, commands.encoding).toString('latin1');
            assert.match(bytes, /^[^\r\n\0]+\r\n$/);
          }
        } catch (error) {
          assert.ok(error instanceof TypeError);
        }
      }),
    );
  });
});
