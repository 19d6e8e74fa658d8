/** Tails and followed tables: a topic reader with decoded records. */
import type { RecordName, Records } from '@millrace/schemas';
import { MalformedRecordError } from './errors.ts';
import type { FollowedTable, FollowedTableOptions } from './followed-table.ts';
import type { Codec } from './kafka.ts';
import { ownHeaders } from './record-headers.ts';
import type { Tail, TailOptions } from './tail.ts';
import { TopicReader, type TopicReaderParts } from './topic-reader.ts';
import type { WireRecord } from './wire/record-batch-decoder.ts';

export interface ReaderParts extends TopicReaderParts {
  readonly codec: Codec;
  readonly prefix: string;
}

/** Decodes and applies one value, at once where the writer's schema is known. A malformed one is told and skipped. */
function withDecoded<N extends RecordName>(
  codec: Codec,
  record: N,
  message: WireRecord,
  signal: AbortSignal,
  apply: (value: Records[N]) => void | Promise<void>,
  malformed: (error: Error) => void,
): void | Promise<void> {
  const failed = (error: unknown): void => {
    if (signal.aborted) return;
    if (!(error instanceof MalformedRecordError)) throw error;
    malformed(error);
  };
  let value: Records[N] | Promise<Records[N]>;
  try {
    value = codec.decode(record, message.value ?? Buffer.alloc(0), signal);
  } catch (error) {
    return failed(error);
  }
  if (!(value instanceof Promise)) return apply(value);
  return value.then(apply, failed);
}

/** Of a reading that looks for few records, bytes. */
const selectiveFetchBytes = 1_048_576;

/** Starts to read along. */
export async function startTail<N extends RecordName>(
  parts: ReaderParts,
  options: TailOptions<N>,
): Promise<Tail> {
  const reader = new TopicReader(parts, {
    topic: parts.prefix + options.topic,
    from: options.from,
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.keys === undefined ? {} : { fetchBytes: selectiveFetchBytes }),
    onMessage: (message, partition, signal) => {
      if (options.keys?.has(message.key?.toString() ?? '') === false) return;
      return withDecoded(
        parts.codec,
        options.record,
        message,
        signal,
        (value) =>
          options.onRecord({
            value,
            topic: options.topic,
            partition,
            offset: message.offset,
            timestamp: message.timestamp,
            key: message.key,
            headers: ownHeaders(message.headers),
          }),
        (error) => options.onMalformed?.(error),
      );
    },
  });
  await reader.start();
  return { caughtUp: () => reader.catchUp(), stop: () => reader.stop() };
}

/** Starts to follow a table from its beginning. */
export async function startFollowedTable<N extends RecordName>(
  parts: ReaderParts,
  options: FollowedTableOptions<N>,
): Promise<FollowedTable> {
  const reader = new TopicReader(parts, {
    topic: parts.prefix + options.topic,
    from: 'earliest',
    onMessage: (message, partition, signal) => {
      if (message.key === null) return;
      const key = message.key.toString();
      if (message.value === null) return options.onChange(key, null);
      return withDecoded(
        parts.codec,
        options.record,
        message,
        signal,
        (value) => options.onChange(key, value),
        (error) =>
          parts.logger.error(
            { topic: options.topic, partition, offset: message.offset, error: error.message },
            'a table has a record that cannot be read; it is left out',
          ),
      );
    },
  });
  await reader.start();
  const caughtUp = reader.catchUp();
  caughtUp.then(options.onCaughtUp, () => undefined);
  return { caughtUp: () => caughtUp, catchUp: () => reader.catchUp(), stop: () => reader.stop() };
}
