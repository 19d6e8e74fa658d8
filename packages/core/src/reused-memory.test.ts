import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReusedMemory } from './reused-memory.ts';

test('what is out is never given to another, whatever comes back, and how often', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('take' as const), bytes: fc.integer({ min: 0, max: 70_000 }) }),
    fc.record({ kind: fc.constant('give' as const), which: fc.nat(100) }),
    fc.record({ kind: fc.constant('foreign' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const memory = new ReusedMemory({ maxIdleBytes: 100_000 });
      const out: { bytes: Buffer; mark: number }[] = [];
      const returned: Buffer[] = [];
      steps.forEach((one, index) => {
        if (one.kind === 'take') {
          const bytes = memory.take(one.bytes);
          assert.equal(bytes.length, one.bytes);
          bytes.fill(index);
          out.push({ bytes, mark: index });
        } else if (one.kind === 'give') {
          const [given] = out.splice(one.which, 1);
          if (given === undefined) return;
          // A mail is: behind room that its signature did not need.
          memory.giveBack(given.bytes.subarray(given.bytes.length >> 1));
          returned.push(given.bytes);
        } else {
          memory.giveBack(Buffer.alloc(4_096));
          memory.giveBack(Buffer.from('from a pool of all'));
        }
        assert.ok(memory.idleBytes <= 100_000);
        for (const { bytes, mark } of out) assert.ok(bytes.every((byte) => byte === mark % 256));
      });
    }),
  );
});

test('the next mail gets what the last one left, once', () => {
  const memory = new ReusedMemory();
  const first = memory.take(10_000);
  memory.giveBack(first);
  memory.giveBack(first);
  assert.equal(memory.idleBytes, 16_384);
  assert.equal(memory.take(12_000).buffer, first.buffer);
  assert.notEqual(memory.take(12_000).buffer, first.buffer);
});

test('large mails take memory of their own', () => {
  const memory = new ReusedMemory();
  memory.giveBack(memory.take(65_537));
  assert.equal(memory.idleBytes, 0);
});

test('below the smallest bytes nothing is kept', () => {
  const memory = new ReusedMemory({ smallestBytes: 5_000 });
  memory.giveBack(memory.take(4_999));
  assert.equal(memory.idleBytes, 0);
  memory.giveBack(memory.take(5_000));
  assert.equal(memory.idleBytes, 8_192);
});

test('memory is the next power of two, the smallest also for what is empty', () => {
  const memory = new ReusedMemory();
  const sizes = [0, 1, 4_096, 4_097, 8_192, 65_536].map((bytes) => memory.take(bytes).buffer.byteLength);
  assert.deepEqual(sizes, [4_096, 4_096, 4_096, 8_192, 8_192, 65_536]);
});
