import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isps } from '../isp.ts';
import { calendarDay, endOfDay, isTimeZone } from './calendar-day.ts';
import { nextWarmUpDay, usualThresholds, warmUpDaysLeft } from './warm-up-day.ts';
import { shippedWarmUpPlans, type WarmUpPlan, warmUpCaps } from './warm-up-plan.ts';

const sum = (caps: Readonly<Record<string, number>>): number =>
  Object.values(caps).reduce((total, cap) => total + cap, 0);

test('a calendar day ends where the next begins, also when clocks are set', () => {
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Chatham');
  fc.assert(
    fc.property(fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }), zone, (at, timeZone) => {
      const end = endOfDay(at, timeZone);
      assert.equal(calendarDay(end - 1, timeZone), calendarDay(at, timeZone));
      assert.ok(calendarDay(end, timeZone) > calendarDay(at, timeZone));
    }),
  );
  assert.equal(calendarDay(Date.UTC(2026, 10, 24, 23, 30), 'Europe/Berlin'), '2026-11-25');
  const springForward = Date.UTC(2026, 2, 29, 12);
  assert.equal(endOfDay(springForward, 'Europe/Berlin'), Date.UTC(2026, 2, 29, 22));
  assert.deepEqual(['Europe/Berlin', 'Mars/Olympus'].map(isTimeZone), [true, false]);
});

test('the shipped plans take 4 to 12 weeks, begin small and end with what they are named for', () => {
  const months = { '100k': 100_000, '1m': 1_000_000, '10m': 10_000_000 };
  for (const plan of shippedWarmUpPlans) {
    const month = Object.entries(months).find(([name]) => name === plan.name)?.[1] ?? assert.fail(plan.name);
    assert.ok(plan.days >= 28 && plan.days <= 84);
    assert.ok(sum(warmUpCaps(plan, 1)) <= 600);
    const last = sum(warmUpCaps(plan, plan.days));
    assert.ok(last * 30 > month * 0.95 && last * 30 < month * 1.1, `${plan.name}: ${last}`);
    for (let day = 1; day < plan.days; day++)
      for (const isp of isps) {
        const [before = 0, after = 0] = [warmUpCaps(plan, day)[isp], warmUpCaps(plan, day + 1)[isp]];
        assert.ok(after >= before && after <= before * 1.25 + 1, `${plan.name} ${isp} day ${day}`);
      }
    assert.deepEqual(warmUpCaps(plan, plan.days + 1), {});
  }
});

const plan: WarmUpPlan = { name: 'own', days: 10, firstDay: { gmail: 100, other: 50 }, growth: 1.5 };
const good = { tries: 1_000, delivered: 1_000, deferred: 0, bounced: 0, complaints: 0 };
const from = (day: number, figures: Partial<typeof good>, held?: string) =>
  nextWarmUpDay(plan, day, { ...good, ...figures }, usualThresholds, held);

test('a good day is followed by the next, a bad one by itself, a very bad one by the day before', () => {
  assert.equal(from(1, {}).day, 2);
  assert.deepEqual(from(3, { deferred: 250 }), {
    day: 3,
    why: 'the day is repeated: 25 % deferred, above 20 %',
  });
  assert.deepEqual(from(3, { bounced: 110 }), { day: 2, why: 'a step back: 11 % bounced, above 5 %' });
  assert.deepEqual(from(3, { complaints: 4 }), {
    day: 3,
    why: 'the day is repeated: 0.4 % complained about, above 0.3 %',
  });
  assert.equal(from(1, { deferred: 900 }).day, 1, 'there is no day before the first');
});

test('a day that was hardly used is repeated, a held one too; few tries say nothing of a day', () => {
  assert.match(from(2, { delivered: 10, tries: 10 }).why, /10 of \d+ mails were sent/);
  assert.deepEqual(from(2, {}, 'ada'), { day: 2, why: 'held by ada' });
  assert.equal(from(2, { tries: 19, deferred: 19, delivered: 0 }).day, 2);
  assert.match(from(2, { tries: 19, deferred: 19, delivered: 0 }).why, /were sent/);
});

test('after the last day the plan is through and stays so', () => {
  assert.equal(from(10, { delivered: 1_000_000, tries: 1_000_000 }).day, 11);
  assert.equal(from(11, { deferred: 1_000 }).day, 11);
});

test('the forecast is the number of good days that are left, if there is mail enough for each', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 0, max: 50_000 }), (day, mails) => {
      const left = warmUpDaysLeft(plan, day, mails);
      let at = day;
      let days = 0;
      while (at <= plan.days && days < 100) {
        at = nextWarmUpDay(plan, at, { ...good, delivered: mails, tries: mails }, usualThresholds).day;
        days += 1;
      }
      assert.equal(left, days === 100 ? null : days);
    }),
  );
});
