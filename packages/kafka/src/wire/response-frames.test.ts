import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ResponseFrames } from './response-frames.ts';

const frameOf = (body: Uint8Array): Buffer => {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length);
  frame.set(body, 4);
  return frame;
};
const body = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 40 }),
  fc.integer({ min: 4, max: 30_000 }).map((size) => new Uint8Array(size).fill(size % 251)),
);

test('answers are the same, however they are cut into pieces that one buffer is used for', () => {
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9_000 })),
      (bodies, cuts) => {
        const sent = bodies.map(frameOf);
        const stream = Buffer.concat(sent);
        const shared = Buffer.alloc(Math.max(1, stream.length));
        const told: Buffer[] = [];
        const frames = new ResponseFrames();
        for (let at = 0, index = 0; at < stream.length; index += 1) {
          const copied = stream.copy(shared, 0, at, at + (cuts[index] ?? stream.length));
          frames.push(shared.subarray(0, copied), (frame) => told.push(frame));
          at += copied;
        }
        assert.deepEqual(told, sent);
      },
    ),
  );
});

test('what no broker would answer is refused at its first bytes', () => {
  for (const first of [
    Buffer.from('HTTP/1.1 400 Bad Request'),
    Buffer.from([0, 0, 0, 3, 1, 2, 3]),
    Buffer.alloc(4),
  ])
    assert.throws(() => new ResponseFrames().push(first, () => undefined), /not a Kafka broker/);
});
