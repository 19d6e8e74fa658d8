import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { HmacKey } from './hmac.ts';

test('RFC 4231, test cases 1, 2 and 6', () => {
  const hex = (secret: string | Uint8Array, content: string): string =>
    new HmacKey(secret).digest(content).toString('hex');
  assert.equal(
    hex(Buffer.alloc(20, 0x0b), 'Hi There'),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  );
  assert.equal(
    hex('Jefe', 'what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
  assert.equal(
    hex(Buffer.alloc(131, 0xaa), 'Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  );
});

test('any secret and any texts, one after the other, have the code that OpenSSL gives', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 400 }),
    fc.string({ minLength: 1_000, maxLength: 1_200 }),
    fc.uint8Array({ maxLength: 1_200 }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 100 }), fc.array(text, { maxLength: 4 }), (secret, texts) => {
      const key = new HmacKey(secret);
      for (const one of texts)
        assert.deepEqual(key.digest(one), createHmac('sha256', secret).update(one).digest());
    }),
  );
});
