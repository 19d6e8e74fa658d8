/**
 * All suppressions of a tenant, read from mail.suppressions itself: no process keeps the addresses. A compacted topic still
 * has older records of a key, so it is read twice: first for when each key was written last, at 15 bytes a key, then for
 * those records. Above four million keys that is done for a share of the keys after another, so that memory stays bounded.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { FingerprintTable, fingerprint, parseSuppressionKey, topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { Suppression } from '@millrace/schemas';

export interface RowsOptions {
  readonly kafka: Kafka;
  readonly tenant: string;
  /** About how many keys there are, of all tenants. */
  readonly entries: number;
  /** Those that are wanted. */
  readonly wanted: (suppression: Suppression) => boolean;
  /** Ends after so many. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** Default 4,000,000. */
  readonly keysAtOnce?: number;
}

const keysAtOnce = 4_000_000;

/** When a record was written, in 32 bits: compared for equality only. */
const stampOf = (suppression: Suppression): number => suppression.created_at >>> 0;

/** Hands over each row once; stops early when `onRow` says false. */
const readRows = async (
  options: RowsOptions,
  onRow: (suppression: Suppression) => boolean | Promise<boolean>,
): Promise<void> => {
  const { kafka, tenant, wanted, signal } = options;
  const seed = randomInt(2 ** 32);
  const shares = Math.max(1, Math.ceil(options.entries / (options.keysAtOnce ?? keysAtOnce)));
  const print = { high: 0, low: 0 };
  const isOurs = (key: string, share: number): boolean => {
    const named = parseSuppressionKey(key);
    if (named?.tenant !== tenant) return false;
    fingerprint(seed, tenant, named.list ?? '', named.address, print);
    return print.high % shares === share;
  };
  let going = true;
  for (let share = 0; share < shares && going; share++) {
    const newest = new FingerprintTable(true);
    await readTable(kafka, signal, (key, suppression) => {
      if (!isOurs(key, share)) return;
      if (suppression === null) newest.delete(print);
      else newest.set(print, 0, stampOf(suppression));
    });
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal]);
    await readTable(kafka, stop, (key, suppression) => {
      if (!going || suppression === null || !isOurs(key, share)) return;
      if (newest.wordOf(print) !== stampOf(suppression)) return;
      // Once only, should two records of a key have been written in one millisecond.
      newest.delete(print);
      if (!wanted(suppression)) return;
      const more = onRow(suppression);
      const settle = (goesOn: boolean): void => {
        going = goesOn;
        if (!goesOn) ended.abort();
      };
      if (typeof more === 'boolean') return settle(more);
      return more.then(settle);
    });
  }
};

/** Reads to where the end is now, or until `signal` aborts. */
const readTable = async (
  kafka: Kafka,
  signal: AbortSignal,
  onChange: (key: string, value: Suppression | null) => void | Promise<void>,
): Promise<void> => {
  const table = await kafka.followedTable({ topic: topics.suppressions, record: 'Suppression', onChange });
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([table.caughtUp(), aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await table.stop();
  }
};

/** A stream of rows, each as `format` writes it, as fast as it is read. It ends in an error where Kafka goes away. */
export const rowStream = (
  options: Omit<RowsOptions, 'signal'>,
  format: (suppression: Suppression) => string,
  heading = '',
): Readable => {
  const stream = new PassThrough();
  const closed = new AbortController();
  stream.once('close', () => closed.abort());
  if (heading !== '') stream.write(heading);
  let left = options.limit;
  const write = (suppression: Suppression): boolean | Promise<boolean> => {
    left--;
    const more = left > 0;
    if (stream.write(format(suppression))) return more;
    return Promise.race([once(stream, 'drain', { signal: closed.signal }), once(stream, 'close')]).then(
      () => more && !closed.signal.aborted,
      () => false,
    );
  };
  readRows({ ...options, signal: closed.signal }, write).then(
    () => stream.end(),
    (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return stream;
};
