/** What a fetch brought of one partition, as kafkajs's runner wants to see it and as our consumers read it. */
import type { RecordRun } from './record-batch-decoder.ts';

export class FetchedBatch {
  /** Full name. */
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
  /** Records at or after the offset that was asked for. */
  readonly records: RecordRun;
  /** How many there are, by kafkajs's name. */
  readonly messages: { readonly length: number };
  readonly #end: number;
  readonly #firstOffset: number | undefined;

  constructor(topic: string, partition: number, highWatermark: number, records: RecordRun) {
    this.topic = topic;
    this.partition = partition;
    this.highWatermark = String(highWatermark);
    this.records = records;
    this.messages = { length: records.left };
    this.#end = highWatermark;
    this.#firstOffset = records.nextOffset;
  }

  isEmpty(): boolean {
    return this.messages.length === 0;
  }

  /** Only what was compacted away, control records or an aborted transaction: the runner goes on behind `lastOffset`. */
  isEmptyDueToFiltering(): boolean {
    return this.messages.length === 0;
  }

  firstOffset(): string | null {
    return this.#firstOffset === undefined ? null : String(this.#firstOffset);
  }

  lastOffset(): string {
    return String(this.records.lastOffset);
  }

  offsetLag(): string {
    return String(Math.max(0, this.#end - 1 - this.records.lastOffset));
  }

  offsetLagLow(): string {
    return this.#firstOffset === undefined ? '0' : String(Math.max(0, this.#end - 1 - this.#firstOffset));
  }
}

/** The batch that kafkajs hands back to a consumer: it is what our fetch gave it. */
export function fetchedBatchOf(batch: object): FetchedBatch {
  if (batch instanceof FetchedBatch) return batch;
  throw new TypeError('A batch that another fetch than ours has made.');
}
