import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AdaptiveRate,
  allowedPerSecond,
  foundRate,
  nextRate,
  resumedRate,
  startingRate,
} from './adaptive-rate.ts';

/** A provider that nobody asked: whether it takes the mails of a second. */
type Provider = (at: number, mails: number) => { readonly taken: number; readonly refused: number };

/** Counts over `windowSeconds`; what is above is refused, and everything for so long afterwards. */
const hiddenLimit = (perSecond: number, windowSeconds: number, penaltySeconds: number): Provider => {
  const history: { at: number; mails: number }[] = [];
  let closedUntil = 0;
  return (at, mails) => {
    if (at < closedUntil) return { taken: 0, refused: mails };
    while ((history[0]?.at ?? at) <= at - windowSeconds) history.shift();
    const before = history.reduce((sum, one) => sum + one.mails, 0);
    const taken = Math.min(mails, Math.max(0, Math.floor(perSecond * windowSeconds) - before));
    history.push({ at, mails: taken });
    if (taken < mails) closedUntil = at + penaltySeconds;
    return { taken, refused: mails - taken };
  };
};

/** Counts over calendar minutes, what it refuses too; what is above is refused, and everything for so long afterwards. */
const calendarLimit = (perSecond: number, penaltySeconds: number): Provider => {
  let [minute, count, closedUntil] = [-1, 0, 0];
  return (at, mails) => {
    if (at < closedUntil) return { taken: 0, refused: mails };
    if (Math.floor(at / 60) !== minute) [minute, count] = [Math.floor(at / 60), 0];
    const taken = Math.min(mails, Math.max(0, Math.floor(perSecond * 60) - count));
    count += mails;
    if (taken < mails) closedUntil = at + penaltySeconds;
    return { taken, refused: mails - taken };
  };
};

/** Always mail enough; answers become known three seconds late. The rate of each second. */
const run = (provider: Provider, seconds: number): readonly { rate: AdaptiveRate; refused: number }[] => {
  let rate = startingRate(0);
  let owed = 0;
  const minute: number[] = [];
  const late: { readonly taken: number; readonly refused: number }[] = [];
  return Array.from({ length: seconds }, (_, at) => {
    owed += allowedPerSecond(rate);
    const mails = Math.floor(owed);
    owed -= mails;
    late.push(provider(at, mails));
    const { taken, refused } = (late.length > 3 ? late.shift() : undefined) ?? { taken: 0, refused: 0 };
    minute.push(taken);
    if (minute.length > 60) minute.shift();
    const takenLastMinute = minute.reduce((sum, one) => sum + one, 0);
    rate = nextRate(rate, { taken, refused, spanMs: 1_000, takenLastMinute }, at * 1_000);
    return { rate, refused };
  });
};

for (const [what, provider] of [
  ['a minute, with a minute of penalty', (perSecond: number) => hiddenLimit(perSecond, 60, 60)],
  ['a minute, with ten minutes of penalty', (perSecond: number) => hiddenLimit(perSecond, 60, 600)],
  ['ten seconds, without a penalty', (perSecond: number) => hiddenLimit(perSecond, 10, 0)],
  ['calendar minutes, with a minute of penalty', (perSecond: number) => calendarLimit(perSecond, 60)],
  ['calendar minutes, with a short penalty', (perSecond: number) => calendarLimit(perSecond, 5)],
] as const) {
  test(`settles within 10 % under a limit that is counted over ${what}`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), (perSecond) => {
        const last = run(provider(perSecond), 3 * 3_600).slice(-3_600);
        const rates = last
          .filter(({ rate }) => !rate.waiting)
          .map(({ rate }) => rate.perSecond)
          .sort((a, b) => a - b);
        const middle = rates[Math.floor(rates.length / 2)] ?? 0;
        const mean = rates.reduce((sum, one) => sum + one, 0) / rates.length;
        assert.ok(middle >= 0.9 * perSecond && middle <= perSecond, `${middle} of ${perSecond}`);
        // Now and then it looks whether more is taken.
        assert.ok(mean >= 0.9 * perSecond && mean <= 1.01 * perSecond, `${mean} of ${perSecond} in the mean`);
        const found = last.filter(
          ({ rate }, at) => rate.waiting && last[at - 1]?.rate.waiting === false,
        ).length;
        assert.ok(found <= 4, `${found} times above the limit in an hour`);
      }),
      { numRuns: 15 },
    );
  });
}

test('a lane without mail learns nothing, and a refused one waits until something is taken again', () => {
  const start = startingRate(0);
  const idle = { taken: 0, refused: 0, spanMs: 1_000, takenLastMinute: 0 };
  assert.deepEqual(nextRate(start, idle, 60_000), start);
  const refused = nextRate(
    { ...start, perSecond: 40 },
    { ...idle, refused: 3, takenLastMinute: 1_800 },
    1_000,
  );
  assert.equal(refused.ceiling, 40);
  assert.equal(refused.perSecond, 30 * 0.85);
  assert.ok(refused.waiting);
  assert.equal(allowedPerSecond(refused), 0.2);
  assert.deepEqual(nextRate(refused, { ...idle, refused: 5 }, 90_000), refused, 'one refusal counts once');
  assert.equal(nextRate(refused, { ...idle, taken: 1 }, 91_000).waiting, false);
});

test('what is used for a part only is not proven, and a gap is not crossed at once', () => {
  const second = { refused: 0, spanMs: 1_000 };
  const found: AdaptiveRate = { ...startingRate(0), perSecond: 10, ceiling: 20 };
  const after = (seconds: number, taken: (second: number) => number): AdaptiveRate => {
    const minute: number[] = [];
    let rate = found;
    for (let at = 1; at <= seconds; at += 1) {
      minute.push(taken(at));
      if (minute.length > 60) minute.shift();
      const takenLastMinute = minute.reduce((sum, one) => sum + one, 0);
      rate = nextRate(rate, { ...second, taken: taken(at), takenLastMinute }, at * 1_000);
    }
    return rate;
  };
  const used = after(131, () => 10);
  assert.deepEqual([used.proven, used.perSecond], [10, 12]);
  const starved = after(600, (at) => (at % 10 === 0 ? 10 : 5));
  assert.deepEqual([starved.proven, starved.perSecond], [0, 10]);
  // Two minutes after it has enough again, not sooner.
  const fed = (seconds: number) => after(600 + seconds, (at) => (at > 600 ? 10 : 5)).proven;
  assert.deepEqual([fed(100), fed(140)], [0, 10]);
});

test('whoever takes over stays below what was refused', () => {
  const before: AdaptiveRate = { ...startingRate(0), perSecond: 10, proven: 10, ceiling: 10.3 };
  let rate = resumedRate(foundRate(before), 1_000_000);
  for (let at = 1_001_000; at <= 1_500_000; at += 1_000)
    rate = nextRate(rate, { taken: 10, refused: 0, spanMs: 1_000, takenLastMinute: 600 }, at);
  assert.deepEqual([rate.perSecond, rate.ceiling], [10, 10.3]);
});

test('whatever is answered, a rate stays a rate', () => {
  const count = fc.integer({ min: 0, max: 100_000 });
  fc.assert(
    fc.property(
      fc.array(fc.record({ taken: count, refused: fc.nat(3), takenLastMinute: count })),
      (steps) => {
        let rate = startingRate(0);
        for (const [index, step] of steps.entries()) {
          rate = nextRate(rate, { ...step, spanMs: 1_000 }, index * 1_000);
          assert.ok(allowedPerSecond(rate) > 0 && Number.isFinite(rate.perSecond));
          assert.ok(step.refused === 0 || rate.waiting);
        }
      },
    ),
  );
});
