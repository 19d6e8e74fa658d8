import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataReader } from './data-reader.ts';
import { headerOf } from './header-fields.ts';

const wires = [
  'Subject: x\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n\r\nmore\r\n.\r\n',
  '..Subject: x\r\n..folded\r\n\r\n..body\r\n.\r\n',
  'Subject: x\r\n.\r\n',
  'Subject: x\r\n\r\n.\r\n',
  '\r\nbody\r\n\r\nmore\r\n.\r\n',
  '\r\n.\r\n',
  '.\r\n',
];

function read(pieces: readonly Buffer[], keepBytes: number): DataReader {
  const reader = new DataReader(keepBytes);
  for (const piece of pieces.filter((one) => one.length > 0)) reader.push(piece);
  return reader;
}

test('the header is that of the content, wherever the mail was cut into pieces', () => {
  for (const wire of wires.map((text) => Buffer.from(text, 'latin1'))) {
    for (let cut = 0; cut < wire.length; cut++) {
      for (const keepBytes of [Number.POSITIVE_INFINITY, 4]) {
        const pieces = [wire.subarray(0, cut), wire.subarray(cut)];
        const expected = headerOf(read(pieces, keepBytes).content());
        assert.deepEqual(read(pieces, keepBytes).header(), expected, `${wire} cut at ${cut}`);
      }
    }
  }
});

test('the header has lost the dots that were put before its lines', () => {
  const reader = read([Buffer.from('..Subject: x\r\n..folded\r\n\r\n..body\r\n.\r\n')], 100);
  assert.equal(reader.header().toString(), '.Subject: x\r\n.folded\r\n\r\n');
});
