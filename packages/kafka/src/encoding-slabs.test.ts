import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EncodingSlabs, type Slab } from './encoding-slabs.ts';

/** Writes a value of `bytes` times `fill`, as the codec does. */
function put(
  slabs: EncodingSlabs,
  bytes: number,
  fill: number,
): { readonly slab: Slab; readonly value: Buffer } {
  if (slabs.open.used + bytes > slabs.open.bytes.length) slabs.renew(bytes);
  const slab = slabs.open;
  const value = slab.bytes.subarray(slab.used, slab.used + bytes).fill(fill);
  slab.used += bytes;
  slabs.hold();
  return { slab, value };
}

test('whatever is put and released in whatever order, a value stays as it is until it is released', () => {
  const step = fc.oneof(
    fc.record({ bytes: fc.integer({ min: 1, max: 400_000 }) }),
    fc.record({ release: fc.nat(50) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const slabs = new EncodingSlabs(2);
      const held: { readonly slab: Slab; readonly value: Buffer; readonly fill: number }[] = [];
      for (const [index, one] of steps.entries()) {
        const fill = index % 256;
        if ('bytes' in one) held.push({ ...put(slabs, one.bytes, fill), fill });
        else for (const { slab } of held.splice(one.release % (held.length + 1), 1)) slabs.release(slab);
        for (const { value, fill: filled } of held)
          assert.ok(value[0] === filled && value.at(-1) === filled && value.at(value.length >> 1) === filled);
      }
    }),
    { numRuns: 60 },
  );
});

test('what is acknowledged as fast as it comes takes one slab; a burst keeps a few', () => {
  const slabs = new EncodingSlabs(2);
  const seen = new Set<Buffer>();
  for (let round = 0; round < 100; round += 1) {
    const { slab } = put(slabs, 10_000, 1);
    seen.add(slab.bytes);
    slabs.release(slab);
  }
  assert.equal(seen.size, 1);
  for (let burst = 0; burst < 2; burst += 1) {
    const taken = Array.from({ length: 75 }, () => put(slabs, 10_000, 2));
    for (const { slab } of taken) {
      seen.add(slab.bytes);
      slabs.release(slab);
    }
  }
  assert.equal(seen.size, 3);
});
