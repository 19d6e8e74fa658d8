/** Values of flags, checked. */
import { usageError } from './cli-error.ts';
import { parseDurationMs, parseSince } from './duration.ts';

/** A length of time, ms. Throws CliError. */
export function timeFlag(flag: string, text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw usageError(`${flag} "${text}" is not a length of time such as 30s, 10m or 2h.`);
  return ms;
}

/** A moment, ms since the epoch: a length of time before now, or a date-time. Throws CliError. */
export function momentFlag(flag: string, text: string, now: number): number {
  const moment = parseSince(text, now);
  if (moment === undefined)
    throw usageError(`${flag} "${text}" is neither a length of time such as 10m nor a date-time.`);
  return moment;
}

/** A whole number from `least`. Throws CliError. */
export function numberFlag(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < least)
    throw usageError(`${flag} "${text}" is not a whole number from ${least}.`);
  return value;
}

/** Collects a flag that may be given more than once. */
export const repeated = (value: string, before: readonly string[]): readonly string[] => [...before, value];
