import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DueQueue } from './due-queue.ts';

test('items come out when they are due, the soonest first, and all of them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 100 })),
      fc.integer({ min: 0, max: 100 }),
      (times, now) => {
        const queue = new DueQueue<number>();
        for (const at of times) queue.add(at, at);
        const taken: number[] = [];
        for (let item = queue.takeDue(now); item !== undefined; item = queue.takeDue(now)) taken.push(item);
        const sorted = [...times].sort((a, b) => a - b);
        assert.deepEqual(
          taken,
          sorted.filter((at) => at <= now),
        );
        assert.equal(
          queue.nextAt,
          sorted.find((at) => at > now),
        );
        assert.equal(queue.size, times.length - taken.length);
      },
    ),
  );
});
