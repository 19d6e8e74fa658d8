/**
 * Reads every partition of one topic in offset order, without a group's offsets: what a tail and a followed table are
 * made of. kafkajs reads only in groups, so each reader has a group of its own, which is deleted when it stops.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, EachBatchPayload, Kafka as KafkaJs, Consumer as KafkaJsConsumer } from 'kafkajs';
import { patient } from './connection.ts';
import { KafkaClosedError } from './errors.ts';
import { failureOf } from './failure.ts';
import { partitionOfKey } from './key-partition.ts';
import type { KafkaLogger } from './log.ts';
import { topicOffsets } from './topic-offsets.ts';
import { fetchedBatchOf } from './wire/fetched-batch.ts';
import type { WireRecord } from './wire/record-batch-decoder.ts';

export interface TopicReaderParts {
  readonly kafka: KafkaJs;
  readonly admin: () => Promise<Admin>;
  readonly logger: KafkaLogger;
}

export interface TopicReaderOptions {
  /** Full name. */
  readonly topic: string;
  readonly groupPrefix: string;
  /** The first offsets to be read. */
  readonly from: 'latest' | 'earliest' | number;
  /** Reads only the partition of this key, and of it only the records of this key. */
  readonly key?: string;
  /** Most bytes of one fetch. Default 4 MiB. */
  readonly fetchBytes?: number;
  /** The next record waits for its promise; `signal` aborts when the reader stops. */
  readonly onMessage: (message: WireRecord, partition: number, signal: AbortSignal) => void | Promise<void>;
}

const maxWaitMs = 500;
const restartMs = 500;
const stopMs = 5_000;

export class TopicReader {
  readonly #parts: TopicReaderParts;
  readonly #options: TopicReaderOptions;
  readonly #groupId: string;
  readonly #key: Buffer | undefined;
  /** The next offset to be read, by partition; what is not in it is not read. */
  readonly #positions = new Map<number, number>();
  readonly #stopping = new AbortController();
  #waiting: { readonly ends: ReadonlyMap<number, number>; readonly done: () => void }[] = [];
  #consumer: KafkaJsConsumer | undefined;

  constructor(parts: TopicReaderParts, options: TopicReaderOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#groupId = `${options.groupPrefix}reader-${randomUUID()}`;
    this.#key = options.key === undefined ? undefined : Buffer.from(options.key);
  }

  /** Throws KafkaJS errors where the topic or the brokers are not there. */
  async start(): Promise<void> {
    const admin = await this.#parts.admin();
    const { topic, from } = this.#options;
    for (const { partition, low, high } of await topicOffsets(admin, topic))
      this.#positions.set(partition, from === 'latest' ? high : low);
    if (typeof from === 'number')
      for (const { partition, offset } of await admin.fetchTopicOffsetsByTimestamp(topic, from))
        this.#positions.set(partition, Number(offset));
    if (this.#key !== undefined) {
      const only = await partitionOf(admin, topic, this.#key);
      for (const partition of [...this.#positions.keys()])
        if (partition !== only) this.#positions.delete(partition);
    }
    await this.#run();
  }

  /** Resolves when everything that is in the topic now has been handed over. Throws KafkaClosedError when it stops before. */
  async catchUp(): Promise<void> {
    const admin = await this.#parts.admin();
    const ends = new Map<number, number>();
    for (const { partition, high } of await topicOffsets(admin, this.#options.topic))
      if (this.#reads(partition)) ends.set(partition, high);
    await new Promise<void>((resolve) => {
      this.#waiting.push({ ends, done: resolve });
      this.#tellWaiting();
    });
    if (this.#stopping.signal.aborted) throw new KafkaClosedError('The reader');
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#tellWaiting();
    const limit = new AbortController();
    const stopped = (async () => {
      await this.#consumer?.disconnect();
      const admin = await this.#parts.admin();
      await admin.deleteGroups([this.#groupId]);
    })().catch((error: unknown) => {
      // The broker forgets an empty group by itself.
      this.#parts.logger.debug({ error: failureOf(error).error.message }, 'deleting a reader’s group');
    });
    await Promise.race([stopped, sleep(stopMs, undefined, { signal: limit.signal }).catch(() => undefined)]);
    limit.abort();
  }

  async #run(): Promise<void> {
    const { topic } = this.#options;
    const consumer = this.#parts.kafka.consumer({
      groupId: this.#groupId,
      maxWaitTimeInMs: maxWaitMs,
      minBytes: 1,
      maxBytes: this.#options.fetchBytes ?? 4_194_304,
      sessionTimeout: 30_000,
      metadataMaxAge: 60_000,
      // A start that is under way when `stop` is called must be its last.
      retry: { ...patient, restartOnFailure: async () => !this.#stopping.signal.aborted },
    });
    this.#consumer = consumer;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const partitions = (payload.memberAssignment[topic] ?? []).filter((one) => !this.#reads(one));
      consumer.pause([{ topic, partitions }]);
      for (const [partition, offset] of this.#positions)
        consumer.seek({ topic, partition, offset: String(offset) });
    });
    consumer.on(consumer.events.CRASH, (event) => {
      if (!event.payload.restart) this.#restart(event.payload.error);
    });
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#onBatch(payload),
    });
  }

  #restart(error: Error): void {
    if (this.#stopping.signal.aborted) return;
    this.#parts.logger.error({ error: failureOf(error).error.message }, 'a reader crashed; it starts again');
    sleep(restartMs)
      .then(() => (this.#stopping.signal.aborted ? undefined : this.#run()))
      .catch((again: unknown) => this.#restart(again instanceof Error ? again : new Error(String(again))));
  }

  async #onBatch({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const { partition } = batch;
    if (!this.#reads(partition)) return;
    const { signal } = this.#stopping;
    // Where a log was truncated or made anew, its own offsets count.
    if (Number(batch.highWatermark) < (this.#positions.get(partition) ?? 0))
      this.#positions.set(partition, 0);
    const { records } = fetchedBatchOf(batch);
    for (let message = records.take(); message !== undefined; message = records.take()) {
      const { offset } = message;
      if (offset < (this.#positions.get(partition) ?? 0)) continue;
      if (signal.aborted) return;
      const wanted = this.#key === undefined || message.key?.equals(this.#key) === true;
      const handled = wanted ? this.#options.onMessage(message, partition, signal) : undefined;
      if (handled !== undefined) {
        await handled;
        await heartbeat();
      }
      this.#positions.set(partition, offset + 1);
    }
    this.#positions.set(
      partition,
      Math.max(this.#positions.get(partition) ?? 0, Number(batch.lastOffset()) + 1),
    );
    resolveOffset(batch.lastOffset());
    this.#tellWaiting();
  }

  /** A partition that came into being after the start is read where all are. */
  #reads(partition: number): boolean {
    return this.#key === undefined || this.#positions.has(partition);
  }

  #tellWaiting(): void {
    this.#waiting = this.#waiting.filter(({ ends, done }) => {
      for (const [partition, end] of ends)
        if (!this.#stopping.signal.aborted && (this.#positions.get(partition) ?? 0) < end) return true;
      done();
      return false;
    });
  }
}

/** Where the producer puts a key. */
async function partitionOf(admin: Admin, topic: string, key: Buffer): Promise<number | undefined> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = topics[0]?.partitions.length ?? 0;
  return partitions === 0 ? undefined : partitionOfKey(key, partitions);
}
