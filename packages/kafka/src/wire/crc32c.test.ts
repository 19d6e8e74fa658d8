import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from './crc32c.ts';

const theirs: (bytes: Buffer) => number = createRequire(import.meta.url)(
  'kafkajs/src/protocol/recordBatch/crc32C/index.js',
);

test('the check value of the polynomial, and the vectors of RFC 3720', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

test('any bytes, from and to anywhere in them, have the sum that kafkajs calculates', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(40), fc.nat(40), (bytes, skip, cut) => {
      const from = Math.min(skip, bytes.length);
      const to = Math.max(from, bytes.length - cut);
      assert.equal(crc32c(bytes, from, to), theirs(Buffer.from(bytes.slice(from, to))) >>> 0);
    }),
  );
});
