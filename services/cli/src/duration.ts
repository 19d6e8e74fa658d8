/** Lengths of time as people write and read them. */

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const unitOf = (text: string): keyof typeof unitsMs | undefined =>
  text === 'ms' || text === 's' || text === 'm' || text === 'h' || text === 'd' ? text : undefined;

/** `90s`, `10m`, `2h`, `1d`, `250ms`, or a bare number of seconds, as ms; undefined when it is none of these. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(text.trim());
  const unit = unitOf(match?.[2] === '' ? 's' : (match?.[2] ?? ''));
  return match?.[1] === undefined || unit === undefined ? undefined : Number(match[1]) * unitsMs[unit];
}

/** `412 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`: two figures are enough to read. */
export function formatMs(ms: number): string {
  if (ms < 0) return `-${formatMs(-ms)}`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return twoUnits(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const twoUnits = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** A moment of the last `--since`: a length of time before now, or an RFC 3339 date-time. */
export function parseSince(text: string, now: number): number | undefined {
  const duration = parseDurationMs(text);
  if (duration !== undefined) return now - duration;
  const moment = /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment) ? undefined : moment;
}

/** Local time of day with milliseconds, `14:03:07.412`. */
export function timeOfDay(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** Local date and time, `2030-01-31 14:03:07.412`. */
export function dateAndTime(ms: number): string {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${timeOfDay(ms)}`;
}
