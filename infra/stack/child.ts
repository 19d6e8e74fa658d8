/** A child process with its log file, its readiness and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastWords } from './last-words.ts';
import { UserError } from './user-error.ts';

export interface ChildSpec {
  /** What it is called in messages, e.g. `Kafka`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Everything that it prints goes here. */
  readonly logFile: string;
  /** Outlives this process (for `npm run stack -- up`). */
  readonly detached?: boolean;
  /** Time to stop by SIGTERM before SIGKILL, ms. Default 15,000. */
  readonly stopTimeoutMs?: number;
  /** Ends the wait for readiness, with the signal's reason as error. */
  readonly signal?: AbortSignal | undefined;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves with how it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly running: boolean;
  /** Polls `ready` until it is true. Throws a UserError when the child dies first or `timeoutMs` passes. */
  untilReady(ready: () => Promise<boolean>, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
  /** The sentence that says how it ended and what its log says last. */
  obituary(): UserError;
}

/** Children that must not outlive this process. */
const dependents = new Set<ChildProcess>();
process.once('exit', () => {
  // Whoever exits has stopped its children in their order; what is left here was forgotten by an error.
  for (const child of dependents) child.kill('SIGKILL');
});

/** Starts a child whose output goes to its log file. Throws a UserError when the command does not exist. */
export function startChild(spec: ChildSpec): Child {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, 'a');
  const child: ChildProcess = spawn(spec.command, [...spec.args], {
    cwd: spec.cwd,
    env: { ...process.env, ...spec.env },
    // A group of its own: Ctrl-C reaches only us, and we stop the children in their order.
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  if (spec.detached) child.unref();
  else dependents.add(child);

  let failure: Error | undefined;
  let running = true;
  let wasReady = false;
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('error', (error) => {
      failure = error;
      running = false;
      dependents.delete(child);
      resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => {
      running = false;
      dependents.delete(child);
      resolve({ code, signal });
    });
  });

  const obituary = (): UserError => {
    if (failure)
      return new UserError('ERR_CHILD_DIED', `${spec.name} could not be started (${failure.message}).`);
    const how = child.signalCode ? `was killed by ${child.signalCode}` : `ended with code ${child.exitCode}`;
    return new UserError(
      'ERR_CHILD_DIED',
      `${spec.name} ${how}${wasReady ? '' : ' while it was starting'}; the end of its log (${spec.logFile}) says: ${lastWords(spec.logFile)}`,
    );
  };

  return {
    name: spec.name,
    pid: child.pid ?? -1,
    logFile: spec.logFile,
    ended,
    get running() {
      return running;
    },
    async untilReady(ready, timeoutMs) {
      const giveUpAt = Date.now() + timeoutMs;
      while (running) {
        spec.signal?.throwIfAborted();
        if (await ready()) {
          wasReady = true;
          return;
        }
        if (Date.now() > giveUpAt)
          throw new UserError(
            'ERR_CHILD_SLOW',
            `${spec.name} was not ready after ${timeoutMs / 1000} s; look at ${spec.logFile}.`,
          );
        await Promise.race([delay(100), ended]);
      }
      throw obituary();
    },
    async stop() {
      if (!running || child.pid === undefined) return;
      await stopProcess(child.pid, spec.stopTimeoutMs ?? 15_000, () => running);
      await ended;
    },
    obituary,
  };
}

/** SIGTERM, then SIGKILL after `timeoutMs`. */
export async function stopProcess(
  pid: number,
  timeoutMs: number,
  running: () => boolean = () => isAlive(pid),
): Promise<void> {
  signal(pid, 'SIGTERM');
  await untilGone(pid, timeoutMs, running);
}

/** Waits for a process that was told to stop; SIGKILL after `timeoutMs`. */
export async function untilGone(pid: number, timeoutMs: number, running: () => boolean): Promise<void> {
  const killAt = Date.now() + timeoutMs;
  while (running()) {
    if (Date.now() > killAt) {
      signal(pid, 'SIGKILL');
      return;
    }
    await delay(50);
  }
}

export function isAlive(pid: number): boolean {
  return signal(pid, 0);
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
