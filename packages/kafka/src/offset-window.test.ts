import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeCompleted, encodeCompleted, maxMetadataBytes } from './completed-offsets.ts';
import { OffsetWindow } from './offset-window.ts';

test('the watermark stays below the first unfinished record, whatever finished above it', () => {
  const window = new OffsetWindow(10);
  const [first, second, third] = [window.add(10), window.add(11), window.add(12)];
  window.complete(third);
  window.complete(second);
  assert.equal(window.watermark, 10);
  assert.deepEqual([...window.completedAbove()], [11, 12]);
  window.complete(first);
  assert.equal(window.watermark, 13);
  assert.deepEqual([...window.completedAbove()], []);
});

test('a record counts as finished once', () => {
  const window = new OffsetWindow(0);
  const slot = window.add(0);
  assert.equal(window.complete(slot), true);
  assert.equal(window.complete(slot), false);
  assert.equal(window.open, 0);
});

test('an offset below what was added is refused', () => {
  const window = new OffsetWindow(5);
  window.add(5);
  assert.throws(() => window.add(5), RangeError);
});

/** Offsets with gaps, and an order in which some of them finish. */
const history = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 300 }).chain((steps) =>
  fc.record({
    steps: fc.constant(steps),
    order: fc.shuffledSubarray(steps.map((_, index) => index)),
    start: fc.integer({ min: 0, max: 1_000_000_000_000 }),
  }),
);

test('for every order of finishing: nothing unfinished lies below the watermark, nothing finished is forgotten', () => {
  fc.assert(
    fc.property(history, ({ steps, order, start }) => {
      const window = new OffsetWindow(start);
      let offset = start - 1;
      const slots = steps.map((step) => {
        offset += step;
        return window.add(offset);
      });
      for (const index of order) {
        const slot = slots[index];
        if (slot !== undefined) window.complete(slot);
        const unfinished = slots.filter((one) => !one.done).map((one) => one.offset);
        assert.equal(window.watermark, unfinished[0] ?? window.end);
        assert.equal(window.open, unfinished.length);
      }
      const { watermark } = window;
      const above = slots.filter((one) => one.done && one.offset >= watermark).map((one) => one.offset);
      assert.deepEqual([...window.completedAbove()], above);
    }),
    { numRuns: 200 },
  );
});

test('finished offsets survive the metadata text of a commit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000_000_000 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 700 }), { maxLength: 700 }),
      (committed, above) => {
        const offsets = above.map((distance) => committed + distance).sort((a, b) => a - b);
        const text = encodeCompleted(committed, offsets);
        const read = decodeCompleted(committed, text).flatMap(([from, to]) =>
          Array.from({ length: to - from }, (_, index) => from + index),
        );
        assert.deepEqual(read, offsets);
      },
    ),
  );
});

test('what does not fit into the metadata is left out from the end, and nothing is made up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 5_000, maxLength: 8_000 }),
      (steps) => {
        let offset = 0;
        const offsets = steps.map((step) => {
          offset += step + 1;
          return offset;
        });
        const text = encodeCompleted(0, offsets);
        assert.ok(Buffer.byteLength(text) <= maxMetadataBytes);
        const read = decodeCompleted(0, text).flatMap(([from, to]) =>
          Array.from({ length: to - from }, (_, index) => from + index),
        );
        assert.ok(read.length > 500);
        assert.deepEqual(read, offsets.slice(0, read.length));
      },
    ),
    { numRuns: 5 },
  );
});

test('the metadata of a consumer that is not ours means nothing', () => {
  assert.deepEqual(decodeCompleted(0, null), []);
  assert.deepEqual(decodeCompleted(0, 'somebody else was here'), []);
});
