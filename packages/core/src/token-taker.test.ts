import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ServerClock } from './server-clock.ts';
import type { RateLimit } from './shaping.ts';
import { sharedRate } from './shared-lane.ts';
import { TokenTaker } from './token-taker.ts';
import { type SharedBucket, takeTurn } from './token-turn.ts';

/** A time in which a worker does nothing, µs. */
interface Stall {
  readonly fromUs: number;
  readonly untilUs: number;
}

interface Worker {
  /** Its clock less the server's, µs. */
  readonly offsetUs: number;
  /** Mails that are ready whenever it looks. */
  readonly ready: number;
  /** Of an answer of the server, there and back, µs. */
  readonly roundTripUs: number;
  readonly stalls: readonly Stall[];
}

const start = 1_795_000_000_000_000;
const timerUs = 1_000;

/** When tokens are used by all of them together, µs after the beginning, in order; and calls to the bucket. */
const run = (workers: readonly Worker[], limit: RateLimit, durationUs: number) => {
  const uses: number[] = [];
  let calls = 0;
  let bucket: SharedBucket = { fullAt: start, turnAt: 0 };
  const agenda: { at: number; act: (at: number) => void }[] = [];
  const later = (at: number, act: (at: number) => void): void => {
    agenda.push({ at, act });
  };
  for (const { offsetUs, ready, roundTripUs, stalls } of workers) {
    const awake = (at: number): number =>
      stalls.reduce((until, stall) => (until >= stall.fromUs ? Math.max(until, stall.untilUs) : until), 0) >
      at
        ? (stalls.find(({ fromUs, untilUs }) => fromUs <= at && at < untilUs)?.untilUs ?? at)
        : at;
    const clock = new ServerClock();
    const taker = new TokenTaker(offsetUs);
    const look = (at: number): void => {
      const now = at + offsetUs;
      const taken = taker.take(now, ready);
      for (let token = 0; token < taken; token += 1) uses.push(at);
      if (taken > 0) {
        later(awake(at + timerUs), look);
        return;
      }
      const request = taker.left > 0 ? undefined : taker.request(now, limit, ready);
      if (request === undefined) {
        later(awake(Math.max(at + timerUs, taker.foundNone(now) - offsetUs)), look);
        return;
      }
      calls += 1;
      later(at + roundTripUs / 2, (decidedAt) => {
        const grant = takeTurn(bucket, start + decidedAt, sharedRate(limit), request);
        bucket = grant;
        later(awake(at + roundTripUs), (readAt) => {
          clock.sample(now, start + decidedAt, readAt + offsetUs);
          taker.answered(limit, {
            askedUs: now,
            readUs: readAt + offsetUs,
            granted: grant.granted,
            grantedUs: clock.latest(start + decidedAt),
            doubtUs: clock.doubtUs,
            waitUs: grant.waitUs,
            againUs: grant.againUs,
          });
          const none = taker.left === 0 ? taker.foundNone(readAt + offsetUs) - offsetUs : readAt;
          later(awake(Math.max(readAt, none)), look);
        });
      });
    };
    later(awake(Math.abs(offsetUs) % 5_000), look);
  }
  for (;;) {
    agenda.sort((a, b) => b.at - a.at);
    const next = agenda.pop();
    if (next === undefined || next.at > durationUs) break;
    next.act(next.at);
  }
  return { uses: uses.sort((a, b) => a - b), calls };
};

/** Most uses beyond what the rate alone allows, within any time. */
const worstExcess = (uses: readonly number[], perSecond: number): number => {
  let worst = 0;
  // Of use n at time t the excess over all beginnings is n - t·rate less the least of that before.
  let least = Number.POSITIVE_INFINITY;
  for (const [index, at] of uses.entries()) {
    const level = index - (at / 1_000_000) * perSecond;
    least = Math.min(least, level);
    worst = Math.max(worst, level - least + 1);
  }
  return worst;
};

const mostWithinASecond = (uses: readonly number[]): number => {
  let [worst, first] = [0, 0];
  for (const [last, at] of uses.entries()) {
    while (at - (uses[first] ?? at) >= 1_000_000) first += 1;
    worst = Math.max(worst, last - first + 1);
  }
  return worst;
};

const stallsWithin = (durationUs: number): fc.Arbitrary<Stall[]> =>
  fc
    .array(fc.tuple(fc.integer({ min: 0, max: durationUs }), fc.integer({ min: 1_000, max: 600_000 })), {
      maxLength: 12,
    })
    .map((list) =>
      list
        .sort(([a], [b]) => a - b)
        .map(([fromUs, lengthUs]) => ({ fromUs, untilUs: fromUs + lengthUs }))
        .reduce<Stall[]>((merged, stall) => {
          const last = merged.at(-1);
          if (last === undefined || stall.fromUs > last.untilUs) merged.push(stall);
          else merged[merged.length - 1] = { ...last, untilUs: Math.max(last.untilUs, stall.untilUs) };
          return merged;
        }, []),
    );

const someWorkers = (
  stalls: fc.Arbitrary<Stall[]>,
  { leastReady = 1, slowestUs = 15_000 } = {},
): fc.Arbitrary<Worker[]> =>
  fc.array(
    fc.record({
      offsetUs: fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }),
      ready: fc.integer({ min: leastReady, max: 10 }),
      roundTripUs: fc.integer({ min: 200, max: slowestUs }),
      stalls,
    }),
    { minLength: 1, maxLength: 8 },
  );

const rates = fc.record({
  perSecond: fc.integer({ min: 5, max: 1_000 }),
  tenths: fc.integer({ min: 1, max: 5 }),
});
const durationUs = 5_000_000;

test('whatever workers stall, and whenever: never more than the rate and the burst, within any time', () => {
  fc.assert(
    fc.property(rates, someWorkers(stallsWithin(durationUs)), ({ perSecond, tenths }, workers) => {
      const limit = { perSecond, burst: Math.max(1, Math.ceil((perSecond * tenths) / 10)) };
      const { uses } = run(workers, limit, durationUs);
      const excess = worstExcess(uses, perSecond);
      // A token may be half an interval late whatever the burst: that is one more within no whole number of intervals.
      assert.ok(
        excess <= limit.burst + 0.51,
        `${excess} above ${perSecond}/s with a burst of ${limit.burst}`,
      );
      const worst = mostWithinASecond(uses);
      assert.ok(worst <= perSecond + limit.burst, `${worst} in a second, of ${perSecond} + ${limit.burst}`);
    }),
    { numRuns: 60 },
  );
});

test('workers that do not stall use 98 % of the rate and more', () => {
  fc.assert(
    fc.property(
      rates,
      someWorkers(fc.constant([]), { leastReady: 2, slowestUs: 5_000 }),
      ({ perSecond, tenths }, workers) => {
        const limit = { perSecond, burst: Math.max(1, Math.ceil((perSecond * tenths) / 10)) };
        const { uses, calls } = run(workers, limit, durationUs);
        // In the first second nobody knows yet how fast tokens go.
        const settledUs = 1_000_000;
        const most = (perSecond * (durationUs - settledUs)) / 1_000_000;
        const used = uses.filter((at) => at >= settledUs).length;
        assert.ok(used >= 0.98 * most - 1, `${used} of ${most}`);
        assert.ok(used <= most + limit.burst, `${used} of ${most}`);
        assert.ok(calls <= workers.length * (uses.length + 10), `${calls} calls for ${uses.length} tokens`);
      },
    ),
    { numRuns: 60 },
  );
});

test('one that has nothing to send for long begins with what the bucket saved up, and no more', () => {
  const stalls = [{ fromUs: 0, untilUs: 3_000_000 }];
  const worker = { offsetUs: 0, ready: 100, roundTripUs: 1_000, stalls };
  const limit = { perSecond: 100, burst: 10 };
  const { uses } = run([worker], limit, 3_004_000);
  assert.ok(uses.length >= 2 && uses.length <= limit.burst, `${uses.length} at once`);
});

test('at speed one call brings many tokens', () => {
  const worker = { offsetUs: 0, ready: 10, roundTripUs: 1_000, stalls: [] };
  const limit = { perSecond: 1_000, burst: 100 };
  const { uses, calls } = run([worker, worker, worker, worker], limit, durationUs);
  assert.ok(calls <= uses.length * 0.2, `${calls} calls for ${uses.length} tokens`);
});
