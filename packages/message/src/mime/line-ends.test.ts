import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withCrlf } from './line-ends.ts';

const converted = (text: string): string => withCrlf(Buffer.from(text, 'latin1')).toString('latin1');

test('a message whose lines end with CRLF is the same buffer', () => {
  const message = Buffer.from('A: b\r\n\r\nbody\r\n', 'latin1');
  assert.equal(withCrlf(message), message);
});

test('CR and LF alone become CRLF, the last line is ended', () => {
  assert.equal(converted('a\nb\rc\r\nd'), 'a\r\nb\r\nc\r\nd\r\n');
  assert.equal(converted('a\r'), 'a\r\n');
  assert.equal(converted('a\n\r'), 'a\r\n\r\n');
  assert.equal(converted('a'), 'a\r\n');
});

test('whatever comes in, only CRLF is left, and all other bytes are there', () => {
  const bytes = fc.array(fc.oneof(fc.constantFrom(13, 10), fc.nat(255)), { maxLength: 300 });
  fc.assert(
    fc.property(bytes, (list) => {
      const text = Buffer.from(list).toString('latin1');
      const result = converted(text);
      assert.doesNotMatch(result, /\r(?!\n)|(?<!\r)\n/);
      assert.equal(result.replaceAll('\r\n', ''), text.replaceAll(/[\r\n]/g, ''));
      assert.equal(converted(result), result);
    }),
  );
});
