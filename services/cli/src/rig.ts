/** For tests: runs a command line as the process does, and keeps what it wrote. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { run } from './program.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Rig extends Disposable {
  /** An empty directory, in which the commands run. */
  readonly directory: string;
  /** Runs to its end. */
  run(...argv: readonly string[]): Promise<Ran>;
  /** Runs until `interrupt()`, as Ctrl-C does. */
  start(...argv: readonly string[]): {
    readonly ended: Promise<Ran>;
    readonly out: () => string;
    interrupt(): void;
  };
}

/** `env` is all of the environment that the commands see. */
export function cliRig(env: Readonly<Record<string, string>> = {}, stdin = ''): Rig {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  const start = (...argv: readonly string[]) => {
    const interrupt = new AbortController();
    let out = '';
    let err = '';
    const ended = run(argv, {
      terminal: {
        line: (text = '') => {
          out += `${text}\n`;
        },
        problem: (text) => {
          err += `${text}\n`;
        },
        paint: (_colour, text) => text,
      },
      stdin: Readable.from([Buffer.from(stdin)]),
      cwd: directory,
      env,
      now: Date.now,
      signal: interrupt.signal,
    }).then((code) => ({ code, out, err }));
    return { ended, out: () => out, interrupt: () => interrupt.abort() };
  };
  return {
    directory,
    start,
    run: (...argv) => start(...argv).ended,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
