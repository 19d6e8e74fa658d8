/** Calendar days of a time zone. */

const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  formats.set(timeZone, made);
  return made;
};

/** Whether it is a time zone's name, such as `Europe/Berlin` or `UTC`. */
export const isTimeZone = (name: string): boolean => {
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
};

/** `2026-11-24`. `at`: ms since the epoch. Throws RangeError where there is no such time zone. */
export const calendarDay = (at: number, timeZone: string): string => formatOf(timeZone).format(at);

/** Longer than any day, shorter than two: clocks are set by an hour. */
const moreThanADayMs = 26 * 3_600_000;

/** The first moment of the calendar day after the one of `at`, ms since the epoch. */
export const endOfDay = (at: number, timeZone: string): number => {
  const today = calendarDay(at, timeZone);
  let still = Math.floor(at);
  let over = still + moreThanADayMs;
  while (over - still > 1) {
    const middle = Math.floor((still + over) / 2);
    if (calendarDay(middle, timeZone) > today) over = middle;
    else still = middle;
  }
  return over;
};
