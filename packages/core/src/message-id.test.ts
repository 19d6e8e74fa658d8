import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  deriveMessageId,
  isMessageId,
  messageIdBytes,
  messageIdFromBytes,
  messageIdTime,
  newMessageId,
} from './message-id.ts';

const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });

test('a message id is a UUIDv7 that tells its time', () => {
  fc.assert(
    fc.property(time, fc.uint8Array({ minLength: 10, maxLength: 10 }), (now, random) => {
      const id = newMessageId(now, (bytes) => bytes.set(random));
      assert.ok(isMessageId(id));
      assert.equal(messageIdTime(id), now);
    }),
  );
});

test('ids sort by time', () => {
  fc.assert(
    fc.property(time, time, (a, b) => {
      fc.pre(a !== b);
      assert.equal(newMessageId(a) < newMessageId(b), a < b);
    }),
  );
});

test('a derived id is the same for the same place and differs for any other', () => {
  const id = deriveMessageId(1_700_000_000_000, 'mail.requests:3:42:0');
  assert.equal(id, deriveMessageId(1_700_000_000_000, 'mail.requests:3:42:0'));
  assert.notEqual(id, deriveMessageId(1_700_000_000_000, 'mail.requests:3:42:1'));
  assert.ok(isMessageId(id));
  assert.equal(messageIdTime(id), 1_700_000_000_000);
});

test('sixteen bytes are the whole id', () => {
  fc.assert(
    fc.property(time, fc.string(), (now, seed) => {
      const id = deriveMessageId(now, seed);
      assert.equal(messageIdBytes(id).length, 16);
      assert.equal(messageIdFromBytes(messageIdBytes(id)), id);
    }),
  );
  assert.equal(messageIdFromBytes(Buffer.alloc(16)), undefined);
  assert.equal(messageIdFromBytes(Buffer.alloc(15)), undefined);
});

test('other UUIDs and other spellings are no message ids', () => {
  for (const text of [
    '',
    '0191e3f0-0000-4000-8000-000000000000',
    '0191E3F0-0000-7000-8000-000000000000',
    '0191e3f000007000800000000000 0000',
    '0191e3f0-0000-7000-c000-000000000000',
  ]) {
    assert.equal(isMessageId(text), false, text);
  }
});
