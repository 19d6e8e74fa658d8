/** What ends a command early. */
import type { Ending } from './exit-codes.ts';

/** Shown as one sentence and, where there is one, a second that says what to do. */
export class CliError extends Error {
  readonly ending: Ending;
  /** Stable, for scripts that read `--json`. */
  readonly code: string;
  /** What to do. */
  readonly hint: string | undefined;
  /** What exactly was wrong, e.g. fields of a request. */
  readonly details: readonly string[];

  constructor(
    ending: Ending,
    code: string,
    message: string,
    more: { readonly hint?: string; readonly details?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = 'CliError';
    this.ending = ending;
    this.code = code;
    this.hint = more.hint;
    this.details = more.details ?? [];
  }
}

export const usageError = (message: string, hint?: string): CliError =>
  new CliError('usage', 'ERR_USAGE', message, hint === undefined ? {} : { hint });
