import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { afterFailure, type ConnectionHold, connectionsUnder, notHeld } from './connection-hold.ts';

const fail = (hold: ConnectionHold, times: number, now: number): ConnectionHold =>
  times === 0 ? hold : fail(afterFailure(hold, 'batch', 5, now), times - 1, now);

test('the fifth failure in a row holds the lane, not the fourth', () => {
  assert.equal(connectionsUnder(fail(notHeld, 4, 1_000), 10, 1_000), 10);
  const held = fail(notHeld, 5, 1_000);
  assert.equal(connectionsUnder(held, 10, 1_000), 0);
  assert.equal(connectionsUnder(held, 10, held.until - 1), 0);
});

test('after the wait one connection probes, and a failed probe doubles the wait', () => {
  const held = fail(notHeld, 5, 1_000);
  assert.equal(held.until - 1_000, 30_000);
  assert.equal(connectionsUnder(held, 10, held.until), 1);
  const again = afterFailure(held, 'batch', 5, held.until);
  assert.equal(again.until - held.until, 60_000);
});

test('failures of connections that were begun before the hold do not lengthen it', () => {
  const held = fail(notHeld, 5, 1_000);
  assert.equal(fail(held, 9, 1_500).until, held.until);
});

test('no wait is longer than its limit, whatever fails', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('realtime' as const, 'batch' as const),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 60 }),
      (stream, most, failures) => {
        let hold = notHeld;
        let now = 1_000;
        for (let count = 0; count < failures; count += 1) {
          hold = afterFailure(hold, stream, most, now);
          assert.ok(hold.until - now <= (stream === 'realtime' ? 120_000 : 1_800_000));
          assert.equal(hold.waitMs > 0, count + 1 >= most);
          now = Math.max(now, hold.until);
        }
      },
    ),
  );
});
