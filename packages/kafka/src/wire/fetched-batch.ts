/** What a fetch brought of one partition, as kafkajs's runner wants to see it and as our consumers read it. */
import type { ReadBatches, WireRecord } from './record-batch-decoder.ts';

export class FetchedBatch {
  /** Full name. */
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
  /** Records at or after the offset that was asked for. */
  readonly records: readonly WireRecord[];
  readonly #end: number;
  readonly #lastOffset: number;

  constructor(topic: string, partition: number, highWatermark: number, { records, lastOffset }: ReadBatches) {
    this.topic = topic;
    this.partition = partition;
    this.highWatermark = String(highWatermark);
    this.records = records;
    this.#end = highWatermark;
    this.#lastOffset = lastOffset;
  }

  /** By kafkajs's name. */
  get messages(): readonly WireRecord[] {
    return this.records;
  }

  isEmpty(): boolean {
    return this.records.length === 0;
  }

  /** Only what was compacted away, control records or an aborted transaction: the runner goes on behind `lastOffset`. */
  isEmptyDueToFiltering(): boolean {
    return this.records.length === 0;
  }

  firstOffset(): string | null {
    const first = this.records[0];
    return first === undefined ? null : String(first.offset);
  }

  lastOffset(): string {
    return String(this.#lastOffset);
  }

  offsetLag(): string {
    return String(Math.max(0, this.#end - 1 - this.#lastOffset));
  }

  offsetLagLow(): string {
    const first = this.records[0];
    return first === undefined ? '0' : String(Math.max(0, this.#end - 1 - first.offset));
  }
}

/** The batch that kafkajs hands back to a consumer: it is what our fetch gave it. */
export function fetchedBatchOf(batch: object): FetchedBatch {
  if (batch instanceof FetchedBatch) return batch;
  throw new TypeError('A batch that another fetch than ours has made.');
}
