/** `--stream realtime|batch [--shard gmail,yahoo]`. */
import { parseArgs } from 'node:util';
import { type Isp, isps, isStream, type Stream } from '@millrace/core';
import { didYouMean } from '@millrace/service';

/** An argument that is missing or means nothing; `message` says what to write. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
  readonly code = 'ERR_ARGUMENT';
}

export interface DeliveryArguments {
  readonly stream: Stream;
  /** undefined: all. */
  readonly shards: readonly Isp[] | undefined;
}

const ispsByName: ReadonlyMap<string, Isp> = new Map(isps.map((isp) => [isp, isp]));

const ispNamed = (name: string): Isp => {
  const isp = ispsByName.get(name);
  if (isp !== undefined) return isp;
  throw new ArgumentError(
    `--shard: "${name}" is no provider${didYouMean(name, isps)}. They are ${isps.join(', ')}.`,
  );
};

/** Throws ArgumentError. */
export const deliveryArguments = (args: readonly string[]): DeliveryArguments => {
  const { values } = parse(args);
  const { stream = '', shard } = values;
  if (!isStream(stream)) {
    const said = stream === '' ? 'is missing' : `"${stream}" is no stream`;
    throw new ArgumentError(`--stream ${said}: write --stream realtime or --stream batch.`);
  }
  const names = shard?.flatMap((list) => list.split(',')).filter((name) => name !== '');
  return { stream, shards: names === undefined || names.length === 0 ? undefined : names.map(ispNamed) };
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: { stream: { type: 'string' }, shard: { type: 'string', multiple: true } },
    });
  } catch (cause) {
    throw new ArgumentError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
};
