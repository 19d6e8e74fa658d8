/** `start.json`: which `npm start` runs in an installation, and the services that it started. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilGone } from '../stack/child.ts';
import { runsWith } from '../stack/process-list.ts';
import { UserError } from '../stack/user-error.ts';

interface StartFile {
  readonly pid: number;
  readonly services: readonly { readonly name: string; readonly pid: number }[];
}

/** Longer than a service gives itself to stop. */
const stopWithinMs = 25_000;
const fileOf = (directory: string): string => join(directory, 'start.json');
const starter = join('infra', 'start.ts');
const serviceMain = join('src', 'main.ts');

function read(directory: string): StartFile | undefined {
  const file = fileOf(directory);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Throws a UserError (`ERR_RUNNING`) while another `npm start` runs in this directory. */
export function assertNotRunning(directory: string): void {
  const written = read(directory);
  if (!written || written.pid === process.pid || !runsWith(written.pid, starter)) return;
  throw new UserError(
    'ERR_RUNNING',
    `Millrace is already running here (process ${written.pid}): stop it with Ctrl-C, or with kill ${written.pid}.`,
  );
}

/** Says that this process runs it, and with which services. */
export function writeStartFile(directory: string, services: StartFile['services']): void {
  mkdirSync(directory, { recursive: true });
  const content: StartFile = { pid: process.pid, services };
  writeFileSync(fileOf(directory), `${JSON.stringify(content)}\n`);
}

export function removeStartFile(directory: string): void {
  rmSync(fileOf(directory), { force: true });
}

/** Waits for services whose `npm start` was killed, which then stop by themselves; how many there were. */
export async function stopLeftovers(directory: string): Promise<number> {
  const left = (read(directory)?.services ?? []).filter(({ pid }) => runsWith(pid, serviceMain));
  await Promise.all(left.map(({ pid }) => untilGone(pid, stopWithinMs, () => runsWith(pid, serviceMain))));
  removeStartFile(directory);
  return left.length;
}
