/** `name=value` and `Name: value` arguments. */
import { usageError } from './cli-error.ts';

/** Pairs of `name=value`, as strings. Throws CliError for a text that is no pair. */
export function textPairs(flag: string, given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((text) => split(flag, text, '=')));
}

/** Pairs of `Name: value`. Throws CliError for a text that is no pair. */
export function headerPairs(flag: string, given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((text) => split(flag, text, ':')));
}

function split(flag: string, text: string, sign: string): readonly [string, string] {
  const at = text.indexOf(sign);
  if (at < 1)
    throw usageError(
      `${flag} "${text}" is not ${sign === '=' ? 'name=value' : 'of the form "Name: value"'}.`,
    );
  return [text.slice(0, at).trim(), sign === '=' ? text.slice(at + 1) : text.slice(at + 1).trim()];
}
