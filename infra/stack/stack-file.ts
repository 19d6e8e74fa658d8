/** `stack.json`: who runs an installation's embedded stack, so that others find it and nobody starts it twice. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopProcess } from './child.ts';
import type { EmbeddedStack, StackAddresses } from './embedded-stack.ts';
import { runsWith } from './process-list.ts';

export interface StackFile {
  /** `npm start` keeps it for as long as it runs; `npm run stack` leaves it running. */
  readonly startedBy: 'npm start' | 'npm run stack';
  readonly addresses: StackAddresses;
  readonly servers: readonly { readonly name: string; readonly pid: number }[];
}

const stopWithinMs = 20_000;
const fileOf = (directory: string): string => join(directory, 'stack.json');

/** Where the servers of an installation have their data and logs. Each of them has it in its command line. */
export const stackDirectoryOf = (directory: string): string => join(directory, 'stack');

export function writeStackFile(
  directory: string,
  startedBy: StackFile['startedBy'],
  { addresses, children }: EmbeddedStack,
): void {
  const content: StackFile = {
    startedBy,
    addresses,
    servers: children.map(({ name, pid }) => ({ name, pid })),
  };
  const file = fileOf(directory);
  writeFileSync(`${file}.new`, `${JSON.stringify(content, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

export function removeStackFile(directory: string): void {
  rmSync(fileOf(directory), { force: true });
}

/** The stack that was started in `directory`; its `servers` are those that still run. Undefined: none does. */
export function readStackFile(directory: string): StackFile | undefined {
  const file = fileOf(directory);
  if (!existsSync(file)) return undefined;
  const written: StackFile = JSON.parse(readFileSync(file, 'utf8'));
  const servers = written.servers.filter(({ pid }) => runsWith(pid, stackDirectoryOf(directory)));
  return servers.length === 0 ? undefined : { ...written, servers };
}

/** Stops the servers and forgets the file. The data stay. */
export async function stopStack(directory: string, { servers }: StackFile): Promise<void> {
  const word = stackDirectoryOf(directory);
  await Promise.all(servers.map(({ pid }) => stopProcess(pid, stopWithinMs, () => runsWith(pid, word))));
  removeStackFile(directory);
}
