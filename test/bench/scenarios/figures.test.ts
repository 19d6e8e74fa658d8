/** What scenarios make of what they have counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from './forecast.ts';
import { medianOf, minuteRates } from './probing.ts';
import { compareRates } from './stalled.ts';

test('a forecast is compared from the moment on at which it was made, each queue and all of them', () => {
  const at = 1_000_000;
  const foretold = {
    at,
    requests: 0,
    forecasts: [
      { stream: 'batch', isp: 'gmail', waiting: 900, empty_at: at + 90_000 },
      { stream: 'batch', isp: 'yahoo', waiting: 100, empty_at: at + 110_000 },
    ],
  };
  const last = new Map([
    ['batch/gmail', at + 100_000],
    ['batch/yahoo', at + 100_000],
  ]);
  assert.deepEqual(
    compare(foretold, last).map(({ stream, waiting, errorPercent }) => [stream, waiting, errorPercent]),
    [
      ['batch', 900, -10],
      ['batch', 100, 10],
      ['all', 1_000, 10],
    ],
  );
});

test('what a lane settled on is counted in whole minutes before the end', () => {
  const end = 600_000;
  // Three in the last minute, six in the one before, and one that is older.
  const times = [end - 150_000, ...[70, 75, 80, 85, 90, 95, 0, 30, 59].map((ago) => end - ago * 1_000)];
  assert.deepEqual(minuteRates(times, end, 2), [0.1, 0.05]);
  assert.deepEqual([medianOf([]), medianOf([3, 1, 2]), medianOf([4, 1, 2, 3])], [0, 2, 2.5]);
});

test('each provider’s rate beside a stalled one is compared with its own', () => {
  const [gmail] = compareRates(new Map([['gmail', 40]]), new Map([['gmail', 39]]));
  assert.equal(gmail?.changePercent, -2.5);
});
