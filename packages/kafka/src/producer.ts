/** What a producer takes and promises. */
import type { RecordName, Records } from '@millrace/schemas';
import type { HeadersToSend } from './record-headers.ts';

export interface ProducerOptions {
  /** Bytes of records that are not acknowledged yet; above it `send` waits its turn. Default 33,554,432. */
  readonly maxInFlightBytes?: number;
  /**
   * After how long without an acknowledgement `send` fails with KafkaUnavailableError, ms. The record may have been
   * written all the same. Default: never; it waits for the broker as long as that takes.
   */
  readonly timeoutMs?: number;
  /**
   * Requests begin at least so long one after the other, ms, unless half a request is waiting: a record that comes alone goes
   * at once, and those of a busy moment go together. Each request costs the broker and the producer some 0.3 ms. Default 0.
   */
  readonly lingerMs?: number;
  /** Batches whose records are larger than this on average are gzipped, bytes. Default: none is. */
  readonly compressAboveBytes?: number;
}

/** A typed record to be sent. */
export interface RecordToSend<T> {
  /** Decides the partition (murmur2, as every Kafka client does). */
  readonly key: string | Buffer;
  readonly value: T;
  readonly headers?: HeadersToSend;
  /** ms since the epoch. Default: now. */
  readonly timestamp?: number;
}

/** Bytes to be sent as they are. A null value is a tombstone. */
export interface BytesToSend {
  readonly key: string | Buffer;
  readonly value: Buffer | null;
  readonly headers?: HeadersToSend;
  readonly timestamp?: number;
}

/** Idempotent, acks=all. What arrives while a request is under way forms the next one. */
export interface Producer {
  /**
   * Encodes and sends; resolves when every in-sync replica has it. The active span's `traceparent` goes into the
   * headers when it is sampled. Throws KafkaUnavailableError, KafkaRefusedError, RecordTooLargeError, InvalidValueError.
   */
  send<N extends RecordName>(record: N, topic: string, message: RecordToSend<Records[N]>): Promise<void>;
  /** As `send`, with a value that is already encoded, and headers exactly as given. */
  sendBytes(topic: string, message: BytesToSend): Promise<void>;
  /** Deletes a key from a compacted topic. */
  sendTombstone(topic: string, key: string | Buffer): Promise<void>;
  /** Whether the brokers took the newest request, or none failed yet. False: answer 503. */
  readonly ready: boolean;
  /** Records and bytes that are not acknowledged yet. */
  stats(): { readonly records: number; readonly bytes: number };
  /** Waits until everything sent is acknowledged or has failed. */
  flush(): Promise<void>;
  /** Flushes for at most `limitMs` (default 10,000) and disconnects. */
  stop(limitMs?: number): Promise<void>;
}
