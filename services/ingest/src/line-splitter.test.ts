import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Line, LineSplitter } from './line-splitter.ts';

const split = (chunks: readonly Buffer[], maxBytes = 1_000): Line[] => {
  const splitter = new LineSplitter(maxBytes);
  return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()];
};

const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
};

describe('a stream of lines', () => {
  test('ends lines at LF and CRLF and takes a last line without an end', () => {
    assert.deepEqual(split([Buffer.from('a\nb\r\n\nc')]), [
      { kind: 'line', number: 1, text: 'a' },
      { kind: 'line', number: 2, text: 'b' },
      { kind: 'line', number: 3, text: '' },
      { kind: 'line', number: 4, text: 'c' },
    ]);
  });

  test('drops a line that is too long and goes on with the next', () => {
    assert.deepEqual(split([Buffer.from('12345'), Buffer.from('678\nok\n'), Buffer.from('123456')], 5), [
      { kind: 'too_long', number: 1 },
      { kind: 'line', number: 2, text: 'ok' },
      { kind: 'too_long', number: 3 },
    ]);
  });

  test('gives the same lines however the bytes are cut, characters of several bytes included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll(/[\r\n]/g, ''))),
        fc.array(fc.nat()),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          assert.deepEqual(
            split(cut(bytes, cuts)),
            lines.map((text, index) => ({
              kind: 'line',
              number: index + 1,
              text: Buffer.from(text).toString(),
            })),
          );
        },
      ),
    );
  });
});
