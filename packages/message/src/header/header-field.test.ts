import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '@millrace/core';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { MessageError } from '../message-error.ts';
import { dateTime, textField, tokenField } from './header-field.ts';
import { checkedAddress, mailboxField } from './mailbox-field.ts';
import { rawFields } from './raw-header.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ unit: 'grapheme', maxLength: 400 }),
  fc
    .array(
      fc.constantFrom('\r\n', '\n', '\r', ' ', '\t', 'Bcc: a@b.c', '=?utf-8?q?x?=', 'ä', '😀', 'word', ':'),
      { maxLength: 60 },
    )
    .map((parts) => parts.join('')),
);

/** What every reader must see: exactly one field of this name, in lines that are short enough and ASCII. */
const assertOneField = (written: string, name: string): void => {
  assert.match(written, /^[\t\r\n -~]*$/);
  assert.ok(written.endsWith('\r\n'));
  const fields = rawFields(Buffer.from(`${written}\r\nbody`, 'latin1'));
  assert.deepEqual(
    fields.map((field) => field.name),
    [name.toLowerCase()],
  );
  assert.equal(fields[0]?.end, written.length);
  for (const line of written.slice(0, -2).split('\r\n')) {
    assert.ok(line.length <= 998, `${line.length} characters`);
    assert.notEqual(line.trim(), '', 'a line of blanks alone ends a header for some readers');
    assert.doesNotMatch(line, /[\r\n]/);
  }
};

test('no text can leave its field, whatever is in it', () => {
  fc.assert(
    fc.property(anyText, fc.boolean(), (text, preEncoded) => {
      assertOneField(textField('Subject', `x${text}`, preEncoded), 'Subject');
    }),
  );
});

test('no display name can leave its field or change the address', () => {
  const address = checkedAddress('bob@example.org', 'To');
  fc.assert(
    fc.property(anyText, (name) => {
      const field = mailboxField('To', address, name);
      assertOneField(field, 'To');
      assert.match(field, /<?bob@example\.org>?\r\n$/);
    }),
  );
});

test('a reader gets back every subject and name', async () => {
  const visible = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
    .map((text) => text.trim().replaceAll(/[\s\p{C}]+/gu, ' '));
  await fc.assert(
    fc.asyncProperty(visible, visible, async (subject, name) => {
      const address = checkedAddress('bob@example.org', 'To');
      const mail = await simpleParser(
        `${textField('Subject', subject)}${mailboxField('From', address, name)}\r\n`,
      );
      assert.equal((mail.subject ?? '').normalize(), subject.trim().normalize());
      assert.equal((mail.from?.value[0]?.name ?? '').normalize(), name.trim().normalize());
      assert.equal(mail.from?.value[0]?.address, 'bob@example.org');
    }),
    { numRuns: 200 },
  );
});

test('line breaks become spaces', () => {
  assert.equal(textField('Subject', 'a\r\nBcc: x@y.z\n\nb'), 'Subject: a Bcc: x@y.z b\r\n');
});

test('ASCII is folded at spaces before 78 characters', () => {
  const field = textField('Subject', 'word '.repeat(60));
  for (const line of field.trimEnd().split('\r\n')) assert.ok(line.length <= 78, line);
  assert.equal(field.replaceAll('\r\n', ''), `Subject: ${'word '.repeat(60).trim()}`);
});

test('a word of 2,000 characters becomes encoded words', () => {
  const field = textField('Subject', 'x'.repeat(2_000));
  assertOneField(field, 'Subject');
  for (const line of field.trimEnd().split('\r\n')) assert.ok(line.length <= 78, line);
});

test("a subject that looks encoded is shown as it was given, a header field of one's own is left alone", () => {
  assert.equal(textField('Subject', '=?utf-8?q?a?='), 'Subject: =?UTF-8?B?PT91dGYtOD9xP2E/PQ==?=\r\n');
  assert.equal(textField('X-Own', '=?utf-8?q?a?=', true), 'X-Own: =?utf-8?q?a?=\r\n');
});

test('the shorter encoding is taken, and no character is cut', () => {
  assert.equal(textField('Subject', 'Grüße'), 'Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n');
  assert.equal(
    textField('Subject', 'Rechnung für November 2026'),
    'Subject: =?UTF-8?Q?Rechnung_f=C3=BCr_November_2026?=\r\n',
  );
  const words = textField('Subject', '😀'.repeat(40)).slice('Subject: '.length).trim().split('\r\n ');
  assert.ok(words.length > 1);
  for (const word of words) {
    assert.ok(word.length <= 75);
    assert.match(Buffer.from(word.slice(10, -2), 'base64').toString('utf8'), /^(?:😀)+$/u);
  }
});

test('names are atoms, quoted strings or encoded words', () => {
  const address = checkedAddress('bob@bücher.example', 'To');
  assert.equal(mailboxField('To', address, 'Bob Brown'), 'To: Bob Brown <bob@xn--bcher-kva.example>\r\n');
  assert.equal(
    mailboxField('To', address, 'Brown, "Bob"'),
    'To: "Brown, \\"Bob\\"" <bob@xn--bcher-kva.example>\r\n',
  );
  assert.equal(
    mailboxField('To', address, 'Jürgen'),
    'To: =?UTF-8?Q?J=C3=BCrgen?= <bob@xn--bcher-kva.example>\r\n',
  );
  assert.equal(mailboxField('To', address, null), 'To: bob@xn--bcher-kva.example\r\n');
  assert.equal(mailboxField('To', address, ' \r\n'), 'To: bob@xn--bcher-kva.example\r\n');
});

test('a local part beyond ASCII is written as it is (RFC 6532)', () => {
  const address = parseAddress('用户@例え.テスト');
  assert.ok(address.kind === 'address' && address.needsSmtpUtf8);
  assert.equal(mailboxField('To', address, null), 'To: 用户@xn--r8jz45g.xn--zckzah\r\n');
});

test('an address or a field name that is none is refused by its code', () => {
  assert.throws(
    () => checkedAddress('bob@example.org\r\nBcc: x@y.z', 'To'),
    (error) => error instanceof MessageError && error.code === 'ERR_MESSAGE_ADDRESS',
  );
  for (const name of ['', 'X Y', 'X:', 'X\r\nY', 'Ä', 'x'.repeat(77)]) {
    assert.throws(
      () => textField(name, 'v'),
      (error) => error instanceof MessageError && error.code === 'ERR_MESSAGE_HEADER',
    );
  }
});

test('tokens have lines of their own when they are long', () => {
  const long = `<https://example.com/${'x'.repeat(80)}>`;
  assert.equal(
    tokenField('List-Unsubscribe', [long, '<mailto:a@b.c>'], ', '),
    `List-Unsubscribe: ${long},\r\n <mailto:a@b.c>\r\n`,
  );
  assert.equal(tokenField('X', ['<a>', '<b>'], ', '), 'X: <a>, <b>\r\n');
});

test('dates are RFC 5322 in UTC', () => {
  assert.equal(dateTime(1_795_538_400_999), 'Tue, 24 Nov 2026 16:40:00 +0000');
  assert.equal(dateTime(0), 'Thu, 01 Jan 1970 00:00:00 +0000');
});
