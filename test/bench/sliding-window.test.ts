import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostWithin, ratePerSecond } from './sliding-window.ts';

test('the worst second is found wherever it begins', () => {
  // Two a second of the clock, four within the second that begins at 900.
  const times = [100, 900, 950, 1_850, 1_899.999, 2_900];
  assert.equal(mostWithin(times, 1_000), 4);
  assert.equal(mostWithin(times.toReversed(), 1_000), 4);
});

test('what is a whole window apart is not within it', () => {
  assert.equal(mostWithin([0, 1_000, 2_000], 1_000), 1);
  assert.equal(mostWithin([0, 999.999, 1_000], 1_000), 2);
  assert.equal(mostWithin([], 1_000), 0);
  assert.equal(mostWithin([5, 5, 5], 1_000), 3);
});

test('a rate counts from the first moment, without the last', () => {
  assert.equal(ratePerSecond([999, 1_000, 1_500, 2_999, 3_000], 1_000, 2), 1.5);
  assert.equal(ratePerSecond([], 0, 60), 0);
});
