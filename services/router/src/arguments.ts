/** `--stream realtime|batch`. */
import { parseArgs } from 'node:util';
import { isStream, type Stream } from '@millrace/core';

/** An argument that is missing or means nothing; `message` says what to write. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
  readonly code = 'ERR_ARGUMENT';
}

/** Throws ArgumentError. */
export const routerArguments = (args: readonly string[]): { readonly stream: Stream } => {
  const { stream = '' } = parse(args);
  if (isStream(stream)) return { stream };
  const said = stream === '' ? 'is missing' : `"${stream}" is no stream`;
  throw new ArgumentError(`--stream ${said}: write --stream realtime or --stream batch.`);
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: { stream: { type: 'string' } } }).values;
  } catch (cause) {
    throw new ArgumentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
};
