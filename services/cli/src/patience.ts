/** Waiting with an end. */
import { CliError } from './cli-error.ts';

/** The command was interrupted by Ctrl-C: what was shown so far is all. */
export class InterruptedError extends Error {
  constructor() {
    super('Interrupted');
    this.name = 'InterruptedError';
  }
}

/** The promise's value; throws CliError (timed_out) after `ms` and InterruptedError when the signal aborts. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  signal: AbortSignal,
  tooLate: () => CliError,
): Promise<T> {
  const done = new AbortController();
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_resolve, reject) => {
        const timer = setTimeout(() => reject(tooLate()), ms);
        done.signal.addEventListener('abort', () => clearTimeout(timer));
      }),
      interrupted(signal, done.signal),
    ]);
  } finally {
    done.abort();
  }
}

/** Rejects with InterruptedError when the signal aborts. */
export function interrupted(signal: AbortSignal, until?: AbortSignal): Promise<never> {
  return new Promise<never>((_resolve, reject) => {
    const stop = (): void => reject(new InterruptedError());
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true, ...(until ? { signal: until } : {}) });
  });
}

export const tooLateFor = (what: string, limit: string, hint?: string): CliError =>
  new CliError('timed_out', 'ERR_TIMED_OUT', `${what} within ${limit}.`, hint === undefined ? {} : { hint });
