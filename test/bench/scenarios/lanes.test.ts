import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from './lanes.ts';

test('a run beside a bad domain is compared with the mean of its neighbours', () => {
  const runs = [
    { badDomain: 'without', messages: 49, throughputPerSecond: 1_000 },
    { badDomain: 'tarpit', messages: 49, throughputPerSecond: 1_045 },
    { badDomain: 'without', messages: 49, throughputPerSecond: 1_200 },
    { badDomain: 'dead', messages: 49, throughputPerSecond: 1_100 },
    { badDomain: 'without', messages: 49, throughputPerSecond: 1_000 },
  ] as const;
  assert.deepEqual(compare(runs), [
    { badDomain: 'tarpit', throughputPerSecond: 1_045, withoutPerSecond: 1_100, changePercent: -5 },
    { badDomain: 'dead', throughputPerSecond: 1_100, withoutPerSecond: 1_100, changePercent: 0 },
  ]);
});
