import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countIn, rateWindow, slide } from './rate-window.ts';

const start = 1_800_000_000_000;
const windowAt = (now: number) => {
  const window = rateWindow(12_000);
  slide(window, now);
  return window;
};

test('mails leave the window with their step, twelve steps after it', () => {
  const window = windowAt(start);
  countIn(window, start, true, false);
  countIn(window, start - 3_000, true, true);
  countIn(window, start + 5_000, false, true);
  assert.deepEqual([window.mails, window.bad], [2, 2], 'a clock that is ahead counts as now');
  slide(window, start + 8_999);
  assert.deepEqual([window.mails, window.bad], [2, 2]);
  slide(window, start + 9_000);
  assert.deepEqual([window.mails, window.bad], [1, 1]);
  slide(window, start + 12_000);
  assert.deepEqual([window.mails, window.bad], [0, 0]);
});

test('what was before the window does not count, and time that goes back changes nothing', () => {
  const window = windowAt(start);
  countIn(window, start - 11_001, true, true);
  assert.deepEqual([window.mails, window.bad], [0, 0]);
  countIn(window, start - 11_000, true, true);
  slide(window, start - 60_000);
  countIn(window, start, true, false);
  assert.deepEqual([window.mails, window.bad], [2, 1]);
  slide(window, start + 3_600_000);
  assert.deepEqual([window.mails, window.bad, window.step], [0, 0, (start + 3_600_000) / 1_000]);
});
