import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeadlineQueue } from './deadline-queue.ts';

test('gives what was added, the earliest deadline first, equal ones in the order they came', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (deadlines) => {
      const queue = new DeadlineQueue<number>();
      deadlines.forEach((deadline, order) => {
        queue.add(deadline, order);
      });
      assert.equal(queue.size, deadlines.length);
      const taken: number[] = [];
      for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
      const expected = deadlines.map((_, order) => order);
      expected.sort((a, b) => (deadlines[a] ?? 0) - (deadlines[b] ?? 0) || a - b);
      assert.deepEqual(taken, expected);
      assert.equal(queue.size, 0);
    }),
  );
});

test('stays in order while items come and go, like a list that is sorted each time', () => {
  const steps = fc.array(fc.option(fc.integer({ min: 0, max: 50 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (sequence) => {
      const queue = new DeadlineQueue<number>();
      const model: { deadline: number; order: number }[] = [];
      sequence.forEach((deadline, order) => {
        if (deadline !== null) {
          queue.add(deadline, order);
          model.push({ deadline, order });
          model.sort((a, b) => a.deadline - b.deadline || a.order - b.order);
        } else {
          const first = model.shift();
          assert.equal(queue.peek(), first?.order);
          assert.equal(queue.nextDeadline, first?.deadline);
          assert.equal(queue.take(), first?.order);
        }
        assert.equal(queue.size, model.length);
      });
    }),
  );
});

test('drains to nothing', () => {
  const queue = new DeadlineQueue<string>();
  queue.add(2, 'b');
  queue.add(1, 'a');
  assert.deepEqual(queue.drain().sort(), ['a', 'b']);
  assert.equal(queue.take(), undefined);
  assert.equal(queue.nextDeadline, undefined);
});
