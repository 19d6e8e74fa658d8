import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calendarDay, endOfDay } from '@millrace/core';
import { EventDates } from './event-dates.ts';

const minuteMs = 60_000;
const about = [-16, -15, -1, -0.001, 0, 0.001, -0.001, 1, 14, 15, -2, 16].map(
  (minutes) => minutes * minuteMs,
);
const noons = [Date.UTC(2026, 0, 15, 12), Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 6, 15, 12)];

test('in every time zone an event about midnight has the day of the calendar', () => {
  for (const timeZone of Intl.supportedValuesOf('timeZone')) {
    const dates = new EventDates(timeZone);
    for (const noon of noons) {
      const midnight = endOfDay(noon, timeZone);
      for (const distance of about)
        assert.equal(dates.of(midnight + distance), calendarDay(midnight + distance, timeZone), timeZone);
    }
  }
});
