/** For tests: a virtual environment of Python with what the example needs, under .millrace/, made once. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const directory = join(root, '.millrace', 'python');
const lock = `${directory}.lock`;
/** A lock as old as this was left by a process that was killed. */
const abandonedMs = 300_000;
const requirements = join(import.meta.dirname, 'python', 'requirements.txt');

/** Path of its interpreter. Throws where Python 3 with venv is not there, or PyPI is not reachable. */
export async function pythonWithRequirements(): Promise<string> {
  const python = join(directory, 'bin', 'python');
  while (!isComplete(python)) {
    if (!takeLock()) {
      await sleep(200);
      continue;
    }
    try {
      if (!isComplete(python)) await make(python);
    } finally {
      rmdirSync(lock);
    }
  }
  return python;
}

const stamp = join(directory, 'requirements-installed.txt');
const wanted = (): string => readFileSync(requirements, 'utf8');

const isComplete = (python: string): boolean =>
  existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted();

/** Test files run at the same time: one of them makes it, the others wait. */
function takeLock(): boolean {
  mkdirSync(dirname(lock), { recursive: true });
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > abandonedMs) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

async function make(python: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', directory]);
  } catch (cause) {
    throw new Error('python3 -m venv failed: install Python 3.9 or newer with its venv module.', { cause });
  }
  await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  writeFileSync(stamp, wanted());
}
