/**
 * Calendar days of events, which come nearly in the order of their times: the calendar is asked once for each quarter of an
 * hour, within which no day begins in any time zone.
 */
import { calendarDay } from '@millrace/core';

const quarterMs = 900_000;

export class EventDates {
  readonly #timeZone: string;
  #quarter = Number.NaN;
  #date = '';

  constructor(timeZone: string) {
    this.#timeZone = timeZone;
  }

  /** `2026-11-24`. `at`: ms since the epoch. */
  of(at: number): string {
    const quarter = Math.floor(at / quarterMs);
    if (quarter === this.#quarter) return this.#date;
    this.#date = calendarDay(at, this.#timeZone);
    this.#quarter = quarter;
    return this.#date;
  }
}
