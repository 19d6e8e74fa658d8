/** A record that was handed out and is not finished yet. */
import type { RecordHeaders } from './record-headers.ts';

/** One record in a consumer's window. Exactly one of `complete` and `reject` ends it; a second call does nothing. */
export interface Held<T> {
  readonly value: T;
  /** Topic without the installation's prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The record's timestamp, ms since the epoch. */
  readonly timestamp: number;
  /** Record key; null where the producer gave none. */
  readonly key: Buffer | null;
  readonly headers: RecordHeaders;
  /** Encoded size of the value, bytes. */
  readonly sizeBytes: number;
  /** The value as it was read, for handing it on unchanged. */
  readonly bytes: Buffer;
  /** Aborted when the partition went to another worker: stop where nothing has been sent yet. */
  readonly lost: AbortSignal;
  /**
   * What it waits for is not this worker: it no longer counts among the records on their way (`FlowLimits`), and others
   * are handed out in its stead. It stays in the window; a second call does nothing.
   */
  waits(): void;
  /** The record is finished: its offset may be committed as soon as all before it are finished. */
  complete(): void;
  /** Puts the original bytes with the reason on the dead letter topic, then completes. Resolves when that is written. */
  reject(reason: string): Promise<void>;
}

/** Called for each record as soon as it is in the window; many run at once. A handler that throws rejects the record. */
export type RecordHandler<T> = (held: Held<T>) => void | Promise<void>;
