import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dateAndTime, formatMs, parseDurationMs, parseSince, timeOfDay } from './duration.ts';

test('lengths of time are read with their unit, bare numbers are seconds', () => {
  const read = ['250ms', '90', '90s', '1.5m', '10m', '2h', '1d'].map(parseDurationMs);
  assert.deepEqual(read, [250, 90_000, 90_000, 90_000, 600_000, 7_200_000, 86_400_000]);
  for (const wrong of ['', 'm', '-5s', '5 parsecs', '1h30m', 'now', '1e3s'])
    assert.equal(parseDurationMs(wrong), undefined, wrong);
});

test('lengths of time are shown with two figures', () => {
  const shown: [number, string][] = [
    [0, '0 ms'],
    [412.4, '412 ms'],
    [3_240, '3.2 s'],
    [59_999, '1 min'],
    [250_000, '4 min 10 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
    [-1_500, '-1.5 s'],
  ];
  for (const [ms, text] of shown) assert.equal(formatMs(ms), text);
});

test('a moment is a length of time before now, or a date-time', () => {
  const now = Date.parse('2030-01-31T12:00:00Z');
  assert.equal(parseSince('10m', now), now - 600_000);
  assert.equal(parseSince('2030-01-31T09:00:00Z', now), now - 10_800_000);
  assert.equal(parseSince('2030-01-30', now), Date.parse('2030-01-30'));
  for (const wrong of ['yesterday', '2030-13-01', '31.1.2030'])
    assert.equal(parseSince(wrong, now), undefined);
});

test('times are local, with milliseconds', () => {
  const at = new Date(2030, 0, 31, 9, 5, 7, 12).getTime();
  assert.equal(timeOfDay(at), '09:05:07.012');
  assert.equal(dateAndTime(at), '2030-01-31 09:05:07.012');
});
