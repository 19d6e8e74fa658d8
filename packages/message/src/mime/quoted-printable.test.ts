import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeText,
  type QuotedPrintable,
  QuotedPrintableText,
  quotedPrintable,
} from './quoted-printable.ts';

/** RFC 2045 6.7, read back. */
const decoded = (encoded: string): string => {
  const bytes = encoded
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
};

/** RFC 6376 3.4.4, without what concerns the end of a body. */
const relaxed = (body: string): string => body.replaceAll(/[ \t]+\r\n/g, '\r\n').replaceAll(/[ \t]+/g, ' ');

/** CR, LF and CRLF as CRLF, each of a piece by itself. */
const crlf = (text: string): string => text.replaceAll(/\r\n|\r|\n/g, '\r\n');

const assertSound = (result: QuotedPrintable): void => {
  const encoded = result.encoded.join('');
  const canonical = result.canonical.join('');
  assert.match(encoded, /^[\t\r\n -~]*$/);
  for (const line of encoded.split('\r\n')) {
    assert.ok(line.length <= 76, `${line.length}: ${line}`);
    assert.doesNotMatch(line, /[ \t]$|[\r\n]/);
  }
  assert.doesNotMatch(encoded, /=_/);
  assert.equal(canonical, relaxed(encoded));
};

const piece = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc
    .array(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        ' ',
        '\t',
        '  ',
        '=',
        '.',
        'From ',
        'ä',
        '😀',
        'word',
        'x'.repeat(40),
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
);

test('pieces put together read as their texts do, in lines of 76, and canonical as the whole would be', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, fc.boolean()), { maxLength: 12 }), (pieces) => {
      const whole = new QuotedPrintableText();
      for (const [text, shared] of pieces) {
        if (shared) whole.addEncoded(encodeText(text));
        else whole.add(text);
      }
      const result = whole.end();
      assertSound(result);
      assert.equal(
        decoded(result.encoded.join('')),
        pieces.map(([text]) => crlf(text.toWellFormed())).join(''),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('a text at once is the same as its only piece', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
      const result = quotedPrintable(text);
      assertSound(result);
      assert.equal(decoded(result.encoded.join('')), crlf(text.toWellFormed()));
    }),
  );
});

test('blanks at the end of a line are encoded, others are not', () => {
  assert.equal(quotedPrintable('a b \nc\t').encoded.join(''), 'a b=20\r\nc=09');
  const whole = new QuotedPrintableText();
  whole.add('Dear ');
  whole.add('Anna');
  whole.add(' ');
  whole.add('\nbye ');
  assert.equal(whole.end().encoded.join(''), 'Dear Anna=20\r\nbye=20');
});

test('a text of a MiB is encoded too, and small ones after it', () => {
  const long = `${'ä'.repeat(60)} x\n`.repeat(10_000);
  const result = quotedPrintable(long);
  assert.equal(decoded(result.encoded.join('')), crlf(long));
  assertSound(quotedPrintable('a  b\tä'));
});
