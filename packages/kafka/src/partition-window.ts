/** One assigned partition: what was fetched, what is handed out, what is finished, what is committed. */
import { decodeCompleted, encodeCompleted } from './completed-offsets.ts';
import type { PartitionStats } from './consumer-options.ts';
import { OffsetWindow, type Slot } from './offset-window.ts';
import { ownHeaders, type RecordHeaders } from './record-headers.ts';
import type { WireRecord } from './wire/record-batch-decoder.ts';

/** A record as it was fetched, copied out of the response so that it does not keep all of that in memory. */
export interface FetchedRecord {
  readonly slot: Slot;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly bytes: Buffer;
  readonly headers: RecordHeaders;
}

/** What a group has committed for a partition. */
export interface Committed {
  readonly offset: number;
  readonly metadata: string;
}

export interface WindowLimits {
  readonly records: number;
  readonly bytes: number;
}

const empty = Buffer.alloc(0);

export class PartitionWindow {
  /** Without prefix. */
  readonly topic: string;
  readonly partition: number;
  readonly #lost = new AbortController();
  readonly #window: OffsetWindow;
  readonly #finishedBefore: readonly (readonly [number, number])[];
  readonly #queue: FetchedRecord[] = [];
  #committed: Committed | undefined;
  #inFlight = 0;
  #inFlightBytes = 0;
  #queuedBytes = 0;
  #highWatermark = 0;
  /** Position from which a batch was asked for again. */
  #askedAgainFrom = -1;
  /** Whether fetching is stopped because the window is full. */
  full = false;
  /** Something finished since the last commit. */
  dirty = false;
  /** Records are being handed out further up the stack. */
  handing = false;

  constructor(topic: string, partition: number, committed: Committed | undefined) {
    this.topic = topic;
    this.partition = partition;
    this.#committed = committed;
    this.#window = new OffsetWindow(committed?.offset ?? 0);
    this.#finishedBefore =
      committed === undefined ? [] : decodeCompleted(committed.offset, committed.metadata);
    this.#highWatermark = committed?.offset ?? 0;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get committed(): Committed | undefined {
    return this.#committed;
  }

  /** Where fetching goes on. */
  get position(): number {
    return this.#window.end;
  }

  /** The partition went to another worker, or the log is another one: what is in flight no longer counts here. */
  lose(): void {
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#lost.abort();
  }

  /**
   * Whether a batch that begins there leaves out records that were never seen here, and is to be fetched again from
   * `position`: taking it would commit past them. Once for each position: where the answer is the same again, the log
   * has nothing in between.
   */
  leavesOut(firstOffset: number): boolean {
    if (firstOffset <= this.position || this.position === this.#askedAgainFrom) return false;
    this.#askedAgainFrom = this.position;
    return true;
  }

  /** Takes a fetched batch. False: the log ends before our position, it is not the log that was read before. */
  take(records: readonly WireRecord[], lastOffset: number, highWatermark: number): boolean {
    if (highWatermark < this.#window.end) return false;
    this.#highWatermark = highWatermark;
    for (const record of records) {
      const { offset } = record;
      if (offset < this.#window.end) continue;
      if (this.#isFinished(offset)) {
        this.#window.add(offset, true);
        this.dirty = true;
        continue;
      }
      const bytes = record.value === null ? empty : Buffer.from(record.value);
      this.#queuedBytes += bytes.length;
      this.#queue.push({
        slot: this.#window.add(offset),
        timestamp: record.timestamp,
        key: record.key === null ? null : Buffer.from(record.key),
        bytes,
        headers: ownHeaders(record.headers),
      });
    }
    this.#window.skipTo(lastOffset + 1);
    return true;
  }

  /** The next record to hand out, where the window has room for it. */
  next(limits: WindowLimits): FetchedRecord | undefined {
    const record = this.#queue[0];
    if (record === undefined || this.#inFlight >= limits.records) return undefined;
    if (this.#inFlight > 0 && this.#inFlightBytes + record.bytes.length > limits.bytes) return undefined;
    this.#queue.shift();
    this.#inFlight += 1;
    this.#inFlightBytes += record.bytes.length;
    this.#queuedBytes -= record.bytes.length;
    return record;
  }

  /** Whether this was the call that finished it. */
  complete(record: FetchedRecord): boolean {
    if (!this.#window.complete(record.slot)) return false;
    this.#inFlight -= 1;
    this.#inFlightBytes -= record.bytes.length;
    this.dirty = true;
    return true;
  }

  /** What is to be committed now: the lowest unfinished offset, and what is finished above it. */
  toCommit(): Committed {
    const offset = this.#window.watermark;
    return { offset, metadata: encodeCompleted(offset, this.#window.completedAbove()) };
  }

  committedTo(committed: Committed): void {
    this.#committed = committed;
  }

  stats(paused: boolean): PartitionStats {
    const watermark = this.#window.watermark;
    return {
      topic: this.topic,
      partition: this.partition,
      inFlight: this.#inFlight,
      queued: this.#queue.length,
      bytes: this.#inFlightBytes + this.#queuedBytes,
      watermark,
      lag: Math.max(0, this.#highWatermark - watermark),
      paused,
    };
  }

  #isFinished(offset: number): boolean {
    for (const [from, to] of this.#finishedBefore) if (offset >= from && offset < to) return true;
    return false;
  }
}
