/** Lower priority of this process where others on the machine want the processor too. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of 19: where both compete for a processor, the others get nine tenths of it. */
const niceness = 10;
/**
 * Of libuv's threads, which sign mails: the event loop gives them their work, and would get a third of a processor where two
 * of them compete with it for one. It gets what it needs, and they the rest.
 */
const poolNiceness = 15;
const poolThread = /^libuv-worker/;
/** Without privileges Linux takes one such change in a tenth of a second, of all processes together. */
const groupTries = 20;
const longestPauseMs = 150;

/**
 * Gives way to every process that has not called this: what the processes of the batch stream do. All threads that there
 * are do, since each has a niceness of its own on Linux, and the process's scheduling group, since Linux weighs the
 * processes of different sessions by their groups alone (sched(7), autogroup).
 */
export const giveWay = async (): Promise<void> => {
  setPriority(niceness);
  if (process.platform !== 'linux') return;
  // The pool's threads begin with its first work.
  await stat('/proc/self');
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8');
      setPriority(Number(thread), poolThread.test(name) ? poolNiceness : niceness);
    } catch (error) {
      // A thread that has ended in between.
      if (!['ERR_SYSTEM_ERROR', 'ENOENT', 'ESRCH'].includes(codeOf(error))) throw error;
    }
  }
  if (leadsItsSession()) await lowerGroup();
};

/** Without such groups, or without the right to change one, the niceness of the threads is what counts. */
const lowerGroup = async (): Promise<void> => {
  for (let attempt = 0; attempt < groupTries; attempt += 1) {
    try {
      writeFileSync('/proc/self/autogroup', String(niceness));
      return;
    } catch (error) {
      const code = codeOf(error);
      if (['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes(code)) return;
      if (code !== 'EAGAIN') throw error;
    }
    await sleep(Math.random() * longestPauseMs);
  }
};

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

/** Otherwise its group is that of the terminal that it was started from, which is not its own to change. proc(5): field 6 is the session. */
const leadsItsSession = (): boolean => {
  const text = readFileSync('/proc/self/stat', 'utf8');
  const [, , , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(session) === process.pid;
};
