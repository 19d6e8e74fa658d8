/** Files that a command line names. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './context.ts';

/** The bytes of a file; `-` is standard input. Throws CliError where it cannot be read. */
export async function readNamed(
  name: string,
  context: Pick<CommandContext, 'cwd' | 'stdin'>,
): Promise<Buffer> {
  if (name === '-') return buffer(context.stdin);
  try {
    return readFileSync(resolve(context.cwd, name));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const reason = code === 'ENOENT' ? 'there is no such file' : code;
    throw new CliError('usage', 'ERR_FILE', `${name} cannot be read: ${reason}.`, { cause: error });
  }
}
