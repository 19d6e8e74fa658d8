/** Reading along a topic without a group's offsets. */
import type { RecordName, Records } from '@millrace/schemas';
import type { RecordHeaders } from './record-headers.ts';

/** A record that was read and needs no completion. */
export interface ReadRecord<T> {
  readonly value: T;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly headers: RecordHeaders;
}

export interface TailOptions<N extends RecordName> {
  readonly topic: string;
  readonly record: N;
  /** Only what comes from now on, everything there is, or everything from a time (ms since the epoch). */
  readonly from: 'latest' | 'earliest' | number;
  /** Only records of this key: then only the partition is read that our producers write it to. */
  readonly key?: string;
  /** Only records with one of these keys, which may become fewer meanwhile: the others are passed over undecoded, in smaller fetches. */
  readonly keys?: ReadonlySet<string>;
  /** Called in offset order per partition; the next one waits for its promise. */
  readonly onRecord: (record: ReadRecord<Records[N]>) => void | Promise<void>;
  /** A record that cannot be decoded: told and skipped. */
  readonly onMalformed?: (error: Error) => void;
}

export interface Tail {
  /** Resolves when everything that was in the topic at the time of the call has been read. */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
}
