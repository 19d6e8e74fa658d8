import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type GcraLimit, gcra, unknownBucket } from './gcra.ts';

const start = 1_795_000_000_000_000;
const limits: fc.Arbitrary<GcraLimit> = fc.record({
  intervalUs: fc.oneof(
    fc.integer({ min: 1, max: 100_000_000 }),
    fc.double({ min: 10, max: 1e8, noNaN: true, noDefaultInfinity: true }),
  ),
  burst: fc.integer({ min: 1, max: 1_000 }),
});

test('a full bucket gives its burst and not one more, an interval later one, exactly at the edge', () => {
  const limit = { intervalUs: 10_000, burst: 5 };
  const first = gcra(0, start, limit, 100);
  assert.deepEqual([first.granted, first.waitUs], [5, -40_000]);
  assert.deepEqual(gcra(first.fullAt, start, limit, 1), { granted: 0, fullAt: first.fullAt, waitUs: 10_000 });
  assert.equal(gcra(first.fullAt, start + 9_999, limit, 1).granted, 0);
  assert.equal(gcra(first.fullAt, start + 10_000, limit, 100).granted, 1);
  assert.equal(gcra(first.fullAt, start + 50_000, limit, 100).granted, 5);
  assert.equal(gcra(first.fullAt, start + 5_000_000, limit, 100).granted, 5, 'quiet time is not saved up');
});

test('a bucket of which nothing is known gives one token, and its burst after a quiet time', () => {
  const limit = { intervalUs: 1_000, burst: 10 };
  const unknown = unknownBucket(start, limit);
  assert.equal(gcra(unknown, start, limit, 10).granted, 1);
  assert.equal(gcra(unknown, start + 9_000, limit, 10).granted, 10);
});

test('tokens granted ahead come due one interval after the other', () => {
  const limit = { intervalUs: 10_000, burst: 1 };
  const first = gcra(0, start, limit, 10, 35_000);
  assert.deepEqual([first.granted, first.waitUs], [4, 0]);
  const second = gcra(first.fullAt, start, limit, 10, 35_000);
  assert.deepEqual([second.granted, second.waitUs], [0, 5_000]);
  const third = gcra(first.fullAt, start + 5_000, limit, 10, 35_000);
  assert.deepEqual([third.granted, third.waitUs], [1, 35_000]);
});

test('never do more than burst + T / interval tokens come due within any time T', () => {
  const calls = fc.array(
    fc.record({
      afterUs: fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 10_000_000 })),
      want: fc.integer({ min: 1, max: 200 }),
      aheadUs: fc.integer({ min: 0, max: 2_000_000 }),
    }),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(limits, calls, (limit, sequence) => {
      let now = start;
      let fullAt = 0;
      const due: number[] = [];
      for (const { afterUs, want, aheadUs } of sequence) {
        now += afterUs;
        const grant = gcra(fullAt, now, limit, want, aheadUs);
        fullAt = grant.fullAt;
        for (let token = 0; token < grant.granted; token++)
          due.push(Math.max(now, now + grant.waitUs + token * limit.intervalUs));
        if (grant.granted > 0) assert.ok(grant.waitUs <= aheadUs + 1);
      }
      for (let last = 0; last < due.length; last += 1 + (due.length >> 6)) {
        for (let first = 0; first <= last; first += 1 + (due.length >> 6)) {
          const span = (due[last] ?? 0) - (due[first] ?? 0);
          const tokens = last - first + 1;
          // 3 µs: waits are whole µs, and µs since the epoch have a quarter's resolution.
          assert.ok(tokens <= limit.burst + (span + 3) / limit.intervalUs + 0.01, `${tokens} in ${span} µs`);
        }
      }
    }),
  );
});

test('asking when it said gives a token, whatever the rate', () => {
  fc.assert(
    fc.property(limits, fc.integer({ min: 0, max: 1_000 }), (limit, afterUs) => {
      const spent = gcra(0, start, limit, limit.burst).fullAt;
      const refused = gcra(spent, start + Math.min(afterUs, limit.intervalUs / 2), limit, 1);
      assert.equal(refused.granted, 0);
      const again = start + Math.min(afterUs, limit.intervalUs / 2) + refused.waitUs;
      assert.equal(gcra(spent, again, limit, 1).granted, 1);
    }),
  );
});

test('a fractional rate is reached exactly over a long time', () => {
  for (const perSecond of [0.3, 3, 7, 333.3, 9_999.7]) {
    const limit = { intervalUs: 1_000_000 / perSecond, burst: 1 };
    let fullAt = 0;
    let tokens = 0;
    const seconds = 100;
    for (let now = start; now < start + seconds * 1_000_000; ) {
      const grant = gcra(fullAt, now, limit, 50, 50_000);
      fullAt = grant.fullAt;
      tokens += grant.granted;
      now += grant.granted > 0 ? Math.max(1, grant.granted * limit.intervalUs) : grant.waitUs;
    }
    const expected = perSecond * seconds;
    assert.ok(Math.abs(tokens - expected) <= 51, `${tokens} tokens at ${perSecond}/s`);
    assert.ok(tokens <= expected + 1 + perSecond * 0.05 + 50);
  }
});
