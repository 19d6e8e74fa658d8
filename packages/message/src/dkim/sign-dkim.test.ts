import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ed25519Key, rsaKey, specimenNow, verifiedSignatures } from '../specimen.ts';
import type { DkimKey } from './dkim-key.ts';
import { relaxedBodyHash } from './relaxed-body.ts';
import { signDkim } from './sign-dkim.ts';

const signed = async (message: string | Buffer, keys: readonly DkimKey[]): Promise<Buffer> => {
  const bytes = typeof message === 'string' ? Buffer.from(message, 'latin1') : message;
  return Buffer.concat([Buffer.from(await signDkim(bytes, keys, { now: specimenNow }), 'latin1'), bytes]);
};

const mail =
  'From: Acme <news@example.com>\r\nTo: bob@example.org\r\nSubject: a  folded\r\n\t subject \r\nX-Other: 1\r\n\r\nHello \t there \r\n\r\n\r\n';

test('mailauth verifies RSA, Ed25519 and both beside each other', async () => {
  for (const keys of [[rsaKey], [ed25519Key], [rsaKey, ed25519Key]]) {
    const found = await verifiedSignatures(await signed(mail, keys), keys);
    assert.deepEqual(
      found.map(({ name, result }) => `${name} ${result}`),
      keys.map(({ selector }) => `${selector}.example.com pass`),
    );
  }
});

test('a changed body, subject or a second From breaks it', async () => {
  const message = (await signed(mail, [rsaKey])).toString('latin1');
  for (const changed of [
    message.replace('Hello', 'Hallo'),
    message.replace('folded', 'other'),
    `From: x@example.com\r\n${message}`,
    message.replace('\r\nTo:', '\r\nSubject: x\r\nTo:'),
  ]) {
    const [found] = await verifiedSignatures(Buffer.from(changed, 'latin1'), [rsaKey]);
    assert.notEqual(found?.result, 'pass');
  }
});

test('what relays do to blanks and empty lines does not break it', async () => {
  const message = (await signed(mail, [rsaKey, ed25519Key])).toString('latin1');
  const relayed = `Received: from a by b\r\n${message.replace('Subject: a  folded', 'subject:a folded').replace('Hello \t there \r\n\r\n\r\n', 'Hello there\r\n')}`;
  for (const { result } of await verifiedSignatures(Buffer.from(relayed, 'latin1'), [rsaKey, ed25519Key]))
    assert.equal(result, 'pass');
});

test('messages without a body or with empty lines alone are signed', async () => {
  for (const message of [
    'From: a@example.com\r\n\r\n',
    'From: a@example.com\r\n\r\n\r\n\r\n',
    'From: a@example.com\r\n\r\n \t\r\n',
  ]) {
    const [found] = await verifiedSignatures(await signed(message, [ed25519Key]), [ed25519Key]);
    assert.equal(found?.result, 'pass', JSON.stringify(message));
  }
});

test('the signature field is folded under 80 characters and tells when it was made', async () => {
  const fields = await signDkim(Buffer.from(mail, 'latin1'), [rsaKey], {
    now: specimenNow,
    validMs: 86_400_000,
  });
  for (const line of fields.trimEnd().split('\r\n')) assert.ok(line.length < 80, line);
  assert.match(fields, /t=1795538400; x=1795624800;/);
});

test('without keys there is no signature', async () => {
  assert.equal(await signDkim(Buffer.from(mail, 'latin1'), [], { now: specimenNow }), '');
});

test('any header verifies, whatever its bytes and blanks', async () => {
  const part = fc.constantFrom(
    '\r\n ',
    '\r\n\t',
    ' ',
    '\t',
    ':',
    '\xa0',
    '\x85',
    '\xc3\xa0',
    'x',
    '\v',
    '\f',
    '\0',
    '~',
  );
  const value = fc.array(part, { maxLength: 20 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(value, value, async (subject, from) => {
      const message = `X-A:1\r\nSubject:a${subject}\r\nFrom : a@example.com${from}b\r\nTO:\r\n\r\nbody\r\n`;
      const [found] = await verifiedSignatures(await signed(message, [ed25519Key]), [ed25519Key]);
      assert.equal(found?.result, 'pass', JSON.stringify(message));
    }),
    { numRuns: 300 },
  );
});

test('any body verifies', async () => {
  const bytes = fc.array(
    fc.oneof(
      fc.constantFrom('\r\n', ' ', '\t', '\r\n\r\n', 'a', '\xff', '.', '\0'),
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
    ),
    { maxLength: 200 },
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (parts) => {
      const body = parts.join('').replaceAll(/\r\n|\r|\n/g, '\r\n');
      const [found] = await verifiedSignatures(
        await signed(`From: a@example.com\r\n\r\n${body}\r\n`, [ed25519Key]),
        [ed25519Key],
      );
      assert.equal(found?.result, 'pass', JSON.stringify(body));
    }),
    { numRuns: 150 },
  );
});

/** RFC 6376 3.4.4 word for word. */
const reference = (body: string): string => {
  const lines = body.split('\r\n').map((line) => line.replaceAll(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.at(-1) === '') lines.pop();
  const canonical = lines.map((line) => `${line}\r\n`).join('');
  return hash('sha256', Buffer.from(canonical, 'latin1'), 'base64');
};

test('the hash of one pass is that of the rules, across the borders of its buffer', () => {
  const part = fc.oneof(
    fc.constantFrom('\r\n', ' ', '\t', 'x', '\r', 'word'),
    fc
      .tuple(fc.constantFrom('\r\n', ' ', 'x', 'a b', ' \r\n'), fc.integer({ min: 1, max: 40_000 }))
      .map(([text, times]) => text.repeat(times)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const body = parts.join('').replaceAll(/(?<!\r)\n/g, '');
      assert.equal(relaxedBodyHash(Buffer.from(body, 'latin1'), 0), reference(body));
    }),
    { numRuns: 200 },
  );
});
