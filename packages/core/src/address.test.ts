import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, asciiDomain, envelopeAddress, parseAddress, suppressionAddress } from './address.ts';

const parsed = (text: string): Address => {
  const result = parseAddress(text);
  assert.ok(result.kind === 'address', `${text}: ${JSON.stringify(result)}`);
  return result;
};
const problemOf = (text: string): string => {
  const result = parseAddress(text);
  return result.kind === 'problem' ? result.code : `accepted ${text}`;
};

test('plain addresses are taken as they are', () => {
  for (const text of [
    'a@example.com',
    "o'neil+tag=x@mail.example.co.uk",
    '{!#$%&*/?^_`|}~-@example.museum',
  ]) {
    assert.equal(envelopeAddress(parsed(text)), text);
  }
});

test('a quoted local part may hold spaces, at signs and quoted pairs', () => {
  for (const text of ['"a b"@example.com', '"a@b"@example.com', '"a\\"b"@example.com', '""@example.com']) {
    assert.equal(envelopeAddress(parsed(text)), text);
    assert.equal(parsed(text).ascii, 'example.com');
  }
});

test('the domain becomes A-labels in lower case', () => {
  assert.equal(parsed('x@EXAMPLE.Com').ascii, 'example.com');
  assert.equal(parsed('x@bücher.example').ascii, 'xn--bcher-kva.example');
  assert.equal(parsed('x@BÜCHER.example').ascii, 'xn--bcher-kva.example');
  assert.equal(parsed('x@例え.テスト').ascii, 'xn--r8jz45g.xn--zckzah');
  assert.equal(parsed('x@例え。テスト').ascii, 'xn--r8jz45g.xn--zckzah');
  assert.equal(parsed('x@faß.de').ascii, 'xn--fa-hia.de');
});

test('only a local part beyond ASCII needs SMTPUTF8', () => {
  assert.equal(parsed('x@bücher.example').needsSmtpUtf8, false);
  assert.equal(parsed('jörg@example.com').needsSmtpUtf8, true);
  assert.equal(parsed('"jörg b"@example.com').needsSmtpUtf8, true);
});

test('what is no mailbox is refused with its reason', () => {
  const refusals: Readonly<Record<string, readonly string[]>> = {
    empty: [''],
    no_at: ['example.com', 'a'],
    bad_local_part: [
      '@example.com',
      '.a@example.com',
      'a.@example.com',
      'a..b@example.com',
      'a b@example.com',
    ],
    bad_domain: [
      'a@',
      'a@.com',
      'a@b..com',
      'a@-b.com',
      'a@b-.com',
      'a@b_c.com',
      'a@ex%41mple.com',
      'a@b.com.',
    ],
    address_literal: ['a@[192.0.2.1]', 'a@[IPv6:::1]'],
    single_label: ['root@localhost', 'a@com'],
    control_character: ['a@example.com\r\nBcc: b@example.com', 'a\0@example.com', 'a\u0085@example.com'],
    too_long: [`${'a'.repeat(65)}@example.com`, `${'ä'.repeat(33)}@example.com`],
  };
  for (const [code, texts] of Object.entries(refusals)) {
    for (const text of texts) assert.equal(problemOf(text), code, JSON.stringify(text));
  }
  assert.equal(problemOf('a@192.0.2.1'), 'bad_domain');
  assert.equal(problemOf('a@１９２.0.2.1'), 'bad_domain');
  assert.equal(problemOf('a@example.com>'), 'bad_domain');
  assert.equal(problemOf('A <a@example.com'), 'bad_local_part');
  assert.equal(problemOf(`a@${'b'.repeat(64)}.com`), 'bad_domain');
  assert.equal(problemOf(`a@${'b.'.repeat(125)}com`), 'too_long');
});

test('an address of exactly 254 octets is taken, one more is not', () => {
  const domain = `${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(57)}.com`;
  assert.equal(parsed(`${'a'.repeat(64)}@${domain}`).local.length, 64);
  assert.equal(problemOf(`${'a'.repeat(64)}@d${domain.slice(63)}.${domain}`), 'too_long');
});

test('suppression takes every spelling of one mailbox together', () => {
  const spellings = [
    'Jörg@BÜCHER.example',
    'jörg@xn--bcher-kva.example',
    '"jörg"@bücher.example',
    'jo\u0308rg@bücher.example',
  ];
  assert.deepEqual(
    [...new Set(spellings.map((text) => suppressionAddress(parsed(text))))],
    ['jörg@xn--bcher-kva.example'],
  );
  assert.equal(suppressionAddress(parsed('"a b"@example.com')), '"a b"@example.com');
});

test('whatever comes in, it never throws, and what it takes cannot break out of a command', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress()), (text) => {
      const result = parseAddress(text);
      if (result.kind === 'problem') return;
      assert.doesNotMatch(envelopeAddress(result), /[\r\n\0]/);
      assert.match(result.ascii, /^[a-z0-9.-]+$/);
      assert.ok(Buffer.byteLength(envelopeAddress(result)) <= 254);
      // What was taken once is taken again, as the same.
      const again = parsed(envelopeAddress(result));
      assert.equal(again.ascii, result.ascii);
      assert.equal(suppressionAddress(again), suppressionAddress(result));
    }),
    { numRuns: 2_000 },
  );
});

test('addresses of the common form are all taken', () => {
  fc.assert(
    fc.property(fc.emailAddress(), (text) => {
      assert.equal(parsed(text).needsSmtpUtf8, false);
    }),
  );
});

test('a domain in A-labels stays as it is', () => {
  fc.assert(
    fc.property(fc.domain(), (domain) => {
      const ascii = asciiDomain(domain);
      if (ascii !== undefined) assert.equal(asciiDomain(ascii), ascii);
    }),
  );
});
