/** Rates and durations as a shaping file writes them. */

const units: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  sec: 1,
  second: 1,
  m: 60,
  min: 60,
  minute: 60,
  h: 3_600,
  hour: 3_600,
  d: 86_400,
  day: 86_400,
};

const quantity = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)$/;
/** Above nothing: a lane that must not send is suspended, not shaped. */
const rate = /^(?=[\d.]*[1-9])(\d+(?:\.\d+)?)\s*\/\s*(s|sec|second|m|min|minute|h|hour|d|day)$/;

export const durationForm = quantity.source;
export const durationExpected = 'a duration such as "500ms", "60s", "5m", "1h", "2d"';
/** Where there is no rate above it that could be lifted. */
export const limitRateForm = rate.source;
export const limitRateExpected = 'a rate such as "100/s", "10/min", "5000/h", "100000/d"';
export const rateForm = `${rate.source}|^unlimited$`;
export const rateExpected = 'a rate such as "100/s", "10/min", "5000/h", "100000/d", or "unlimited"';

/** `90s` in ms. The text has `durationForm`. */
export const durationMs = (text: string): number => {
  const [, amount = '0', unit = 's'] = quantity.exec(text) ?? [];
  return Math.round(Number(amount) * (units[unit] ?? 1) * 1_000);
};

/** `10/min` a second; null: no limit. The text has `rateForm`. */
export const ratePerSecond = (text: string): number | null => {
  if (text === 'unlimited') return null;
  const [, amount = '0', unit = 's'] = rate.exec(text) ?? [];
  return Number(amount) / (units[unit] ?? 1);
};
