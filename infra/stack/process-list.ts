/** Whether a process that a file names is still the one that was meant. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** True when `pid` runs and `word` is in its command line: a number alone may belong to another process by now. */
export function runsWith(pid: number, word: string): boolean {
  return commandLineOf(pid)?.includes(word) ?? false;
}

function commandLineOf(pid: number): string | undefined {
  if (existsSync('/proc/self/cmdline')) {
    try {
      // Empty for a process that has ended and was not waited for.
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
        return undefined;
      throw error;
    }
  }
  const { status, stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}
