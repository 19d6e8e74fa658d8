import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { delayHop, earlyToleranceMs, releaseAt } from './delay-hop.ts';
import { delayTiers } from './topics.ts';

const now = fc.integer({ min: 0, max: 4_000_000_000_000 });
const waits = fc.oneof(
  fc.integer({ min: -10_000, max: 200_000 }),
  fc.integer({ min: -1_000, max: 30 * 86_400_000 }),
);

test('a record is due when its time has come, or comes within the tolerance', () => {
  assert.equal(delayHop(1_000, 1_000), undefined);
  assert.equal(delayHop(1_000, 5_000), undefined);
  assert.equal(delayHop(1_000 + earlyToleranceMs, 1_000), undefined);
});

test('a wait of a tier takes that tier, a longer one the largest that fits', () => {
  const hop = (waitMs: number) => delayHop(waitMs, 0)?.name;
  assert.equal(hop(10_000), '10s');
  assert.equal(hop(59_999), '10s');
  assert.equal(hop(60_000), '1m');
  assert.equal(hop(7 * 3_600_000), '6h');
});

test('what is shorter than the shortest tier waits there, until it is due', () => {
  assert.equal(delayHop(3_000, 0)?.name, '10s');
  const [shortest] = delayTiers;
  assert.ok(shortest);
  assert.equal(releaseAt(shortest, 0, 3_000), 3_000);
});

test('a record never leaves a tier after its due time, and in all but the shortest it stays the whole wait', () => {
  fc.assert(
    fc.property(now, waits, (at, wait) => {
      const tier = delayHop(at + wait, at);
      if (tier === undefined) return;
      const leaves = releaseAt(tier, at, at + wait);
      assert.ok(leaves <= at + wait);
      if (tier !== delayTiers[0]) assert.equal(leaves, at + tier.waitMs);
    }),
  );
});

test('hop by hop every wait ends at its due time, not before, in few hops', () => {
  fc.assert(
    fc.property(now, waits, (at, wait) => {
      const dueAt = at + wait;
      let clock = at;
      let hops = 0;
      for (let tier = delayHop(dueAt, clock); tier !== undefined; tier = delayHop(dueAt, clock)) {
        clock = releaseAt(tier, clock, dueAt);
        hops += 1;
      }
      assert.ok(clock >= dueAt - earlyToleranceMs);
      assert.ok(clock <= Math.max(at, dueAt));
      assert.ok(hops <= wait / 21_600_000 + 5 + 9 + 5 + 5 + 1);
    }),
  );
});
