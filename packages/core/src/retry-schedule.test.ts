import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReplyCategory } from './classify-reply.ts';
import { retryDelayMs } from './retry-schedule.ts';

const minute = 60_000;
const middle = 0.5;

test('realtime comes back within seconds, batch within minutes, both wait longer each time up to an end', () => {
  assert.equal(retryDelayMs(1, 'realtime', 'server_busy', middle), 10_000);
  assert.equal(retryDelayMs(1, 'batch', 'server_busy', middle), 2 * minute);
  assert.equal(retryDelayMs(1_000, 'realtime', 'server_busy', middle), 10 * minute);
  assert.equal(retryDelayMs(1_000, 'batch', 'server_busy', middle), 240 * minute);
});

test('what was greylisted never comes back before its schedule', () => {
  assert.equal(retryDelayMs(1, 'realtime', 'greylisted', 0), minute);
  assert.equal(retryDelayMs(1, 'batch', 'greylisted', 0), 5 * minute);
  assert.ok(retryDelayMs(1, 'realtime', 'greylisted', 0.999) < 1.2 * minute);
});

test('who says "too fast", and a full mailbox, are left alone for longer', () => {
  const first = (category: ReplyCategory) => retryDelayMs(1, 'batch', category, middle);
  assert.ok(first('rate_limited') > first('server_busy'));
  assert.ok(first('mailbox_full') > first('rate_limited'));
});

test("a lane's own schedule replaces the stream's, but does not hurry what needs time", () => {
  assert.equal(retryDelayMs(1, 'batch', 'server_busy', middle, [5_000, 7_000]), 5_000);
  assert.equal(retryDelayMs(9, 'batch', 'server_busy', middle, [5_000, 7_000]), 7_000);
  assert.equal(retryDelayMs(1, 'batch', 'greylisted', 0, [5_000]), 5 * minute);
  assert.equal(retryDelayMs(1, 'batch', 'greylisted', 0, [600_000]), 10 * minute);
});

test('jitter stays within a fifth, and the median wait never shrinks from attempt to attempt', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom('realtime' as const, 'batch' as const),
      fc.constantFrom<ReplyCategory>('server_busy', 'rate_limited', 'mailbox_full', 'timed_out', 'other'),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (attempt, stream, category, random) => {
        const median = retryDelayMs(attempt, stream, category, middle);
        const wait = retryDelayMs(attempt, stream, category, random);
        assert.ok(wait >= 0.8 * median - 1 && wait <= 1.2 * median + 1);
        assert.ok(retryDelayMs(attempt + 1, stream, category, middle) >= median);
      },
    ),
  );
});
