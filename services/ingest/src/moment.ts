/** Points in time as requests write them. */

const dateTime = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Milliseconds since the epoch of an RFC 3339 date-time or of a number; undefined when it is neither. */
export const parseMoment = (value: number | string): number | undefined => {
  if (typeof value === 'number') return value;
  if (!dateTime.test(value)) return undefined;
  const ms = Date.parse(value.replace(' ', 'T').toUpperCase());
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
};
