import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { connectionShare } from './local-share.ts';

const sizes = {
  limit: fc.integer({ min: 1, max: 100 }),
  workers: fc.integer({ min: 1, max: 40 }),
  turn: fc.integer({ min: 0, max: 1_000_000_000 }),
};

test('in each turn the shares of all workers sum up to the limit, each within one of the others', () => {
  fc.assert(
    fc.property(sizes.limit, sizes.workers, sizes.turn, (limit, workers, turn) => {
      const shares = Array.from({ length: workers }, (_, rank) =>
        connectionShare(limit, workers, rank, turn),
      );
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        limit,
      );
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
    }),
  );
});

test('with more workers than connections each has one in its turn, nobody waits longer than all turns', () => {
  fc.assert(
    fc.property(sizes.limit, sizes.workers, sizes.turn, (limit, workers, turn) => {
      for (let rank = 0; rank < workers; rank++) {
        const turns = Array.from({ length: workers }, (_, index) =>
          connectionShare(limit, workers, rank, turn + index),
        );
        assert.ok(turns.some((share) => share > 0));
      }
    }),
  );
});
