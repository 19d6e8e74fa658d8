/**
 * Reads every partition of one topic in offset order: what a tail and a followed table are made of. kafkajs reads only in
 * groups, which costs a join, heartbeats and the coordinator's memory for something that nobody shares; this one asks the
 * partitions' leaders by itself, over connections of kafkajs, and each question waits at the broker until there is news.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka as KafkaJs } from 'kafkajs';
import { KafkaClosedError } from './errors.ts';
import { failureOf } from './failure.ts';
import { partitionOfKey } from './key-partition.ts';
import type { KafkaLogger } from './log.ts';
import { topicOffsets } from './topic-offsets.ts';
import { fetchFrom } from './wire/fetch.ts';
import type { AnsweredPartition } from './wire/fetch-response.ts';
import { type OwnCluster, openCluster } from './wire/kafkajs-internals.ts';
import { decodeBatches, type WireRecord } from './wire/record-batch-decoder.ts';

export interface TopicReaderParts {
  readonly kafka: KafkaJs;
  readonly admin: () => Promise<Admin>;
  readonly logger: KafkaLogger;
}

export interface TopicReaderOptions {
  /** Full name. */
  readonly topic: string;
  /** The first offsets to be read. */
  readonly from: 'latest' | 'earliest' | number;
  /** Reads only the partition of this key, and of it only the records of this key. */
  readonly key?: string;
  /** Most bytes of one fetch. Default 4 MiB. */
  readonly fetchBytes?: number;
  /** The next record waits for its promise; `signal` aborts when the reader stops. */
  readonly onMessage: (message: WireRecord, partition: number, signal: AbortSignal) => void | Promise<void>;
}

/** A new record ends a fetch at once: nothing is gained by asking more often. Below kafkajs's limit for any request. */
const maxWaitMs = 10_000;
const partitionBytes = 1_048_576;
const readCommitted = 1;
const metadataMaxAgeMs = 60_000;
const firstAgainMs = 100;
const lastAgainMs = 1_000;
/** For a record that is being handled, or brokers that are away. */
const stopMs = 5_000;

type Leaders = Readonly<Record<string, readonly number[]>>;

export class TopicReader {
  readonly #parts: TopicReaderParts;
  readonly #options: TopicReaderOptions;
  readonly #key: Buffer | undefined;
  readonly #cluster: OwnCluster;
  /** The next offset to be read, by partition; what is not in it is not read. */
  readonly #positions = new Map<number, number>();
  /** Loops that ask a broker each, by its node; '': one that asks who leads. */
  readonly #asking = new Map<string, Promise<void>>();
  /** Partitions whose records are being handed over. */
  readonly #handing = new Set<number>();
  readonly #stopping = new AbortController();
  #waiting: { readonly ends: ReadonlyMap<number, number>; readonly done: () => void }[] = [];

  constructor(parts: TopicReaderParts, options: TopicReaderOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#key = options.key === undefined ? undefined : Buffer.from(options.key);
    this.#cluster = openCluster(parts.kafka, {
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
    });
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
    try {
      await this.#cluster.connect();
      await this.#cluster.addTargetTopic(topic);
    } catch (error) {
      await this.#disconnect();
      throw error;
    }
    this.#begin('');
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

  /** A fetch that waits for news is given up. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort(new KafkaClosedError('The reader'));
    this.#tellWaiting();
    const limit = new AbortController();
    const disconnected = Promise.all(this.#asking.values()).then(() => this.#disconnect());
    await Promise.race([
      disconnected,
      sleep(stopMs, undefined, { signal: limit.signal }).catch(() => undefined),
    ]);
    limit.abort();
  }

  async #disconnect(): Promise<void> {
    await this.#cluster.disconnect().catch((error: unknown) => {
      this.#parts.logger.debug({ error: failureOf(error).error.message }, 'closing a reader’s connections');
    });
  }

  #begin(node: string): void {
    if (!this.#asking.has(node)) this.#asking.set(node, this.#ask(node));
  }

  /** Until it leads none of our partitions any more. */
  async #ask(node: string): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#cluster.refreshMetadataIfNecessary();
        const leaders = this.#leaders();
        for (const leader of Object.keys(leaders)) this.#begin(leader);
        const led = leaders[node];
        if (led === undefined) break;
        await this.#fetch(node, led);
        failures = 0;
      } catch (error) {
        failures += 1;
        await this.#mend(error, failures).catch(() => undefined);
      }
    }
    this.#asking.delete(node);
  }

  /** Waits a moment, and looks at who leads what and where the log begins. Throws what that throws. */
  async #mend(error: unknown, failures: number): Promise<void> {
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    const { topic } = this.#options;
    const about = { topic, error: failureOf(error).error.message };
    if (failures === 1) this.#parts.logger.warn(about, 'reading failed; it is tried again');
    else this.#parts.logger.debug(about, 'reading failed again');
    const outOfRange = isOutOfRange(error);
    if (!outOfRange || failures > 1)
      await sleep(Math.min(lastAgainMs, firstAgainMs * failures), undefined, { signal });
    if (outOfRange) await this.#findBegin();
    else await this.#cluster.refreshMetadata();
  }

  /** Where a log was cut off, or made anew, reading goes on with its first record. */
  async #findBegin(): Promise<void> {
    const admin = await this.#parts.admin();
    for (const { partition, low, high } of await topicOffsets(admin, this.#options.topic)) {
      if (!this.#reads(partition)) continue;
      const position = this.#positions.get(partition) ?? 0;
      if (position < low || position > high) this.#positions.set(partition, low);
    }
    this.#tellWaiting();
  }

  /** Our partitions by the node that leads them. Throws where there are none, or one has no leader. */
  #leaders(): Leaders {
    const { topic } = this.#options;
    const ours = this.#cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => partitionId)
      .filter((partition) => this.#reads(partition));
    if (ours.length === 0) throw new Error(`No broker has partitions of ${topic}`);
    return this.#cluster.findLeaderForPartitions(topic, ours);
  }

  async #fetch(node: string, partitions: readonly number[]): Promise<void> {
    const { topic, fetchBytes = 4_194_304 } = this.#options;
    const broker = await this.#cluster.findBroker({ nodeId: node });
    this.#stopping.signal.throwIfAborted();
    const response = await fetchFrom(
      broker,
      partitions.map((partition) => ({ topic, partition, offset: this.#positions.get(partition) ?? 0 })),
      {
        maxWaitMs,
        minBytes: 1,
        maxBytes: fetchBytes,
        maxBytesPerPartition: Math.min(fetchBytes, partitionBytes),
        isolationLevel: readCommitted,
      },
      this.#stopping.signal,
    );
    for (const answer of response?.partitions ?? []) await this.#take(answer);
  }

  async #take({ partition, batches, aborted }: AnsweredPartition): Promise<void> {
    // Its former leader's answer may still be under way.
    if (batches.length === 0 || this.#handing.has(partition)) return;
    this.#handing.add(partition);
    try {
      await this.#handOver(partition, batches, aborted);
    } finally {
      this.#handing.delete(partition);
    }
    this.#tellWaiting();
  }

  async #handOver(
    partition: number,
    batches: AnsweredPartition['batches'],
    aborted: AnsweredPartition['aborted'],
  ): Promise<void> {
    const { signal } = this.#stopping;
    const from = this.#positions.get(partition) ?? 0;
    const decoded = decodeBatches(batches, from, aborted);
    const records = decoded instanceof Promise ? await decoded : decoded;
    for (let record = records.take(); record !== undefined; record = records.take()) {
      if (signal.aborted) return;
      const wanted = this.#key === undefined || record.key?.equals(this.#key) === true;
      const handled = wanted ? this.#options.onMessage(record, partition, signal) : undefined;
      if (handled !== undefined) await handled;
      this.#positions.set(partition, record.offset + 1);
    }
    this.#positions.set(partition, Math.max(from, records.lastOffset + 1));
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

const isOutOfRange = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && error.type === 'OFFSET_OUT_OF_RANGE';

/** Where the producer puts a key. */
async function partitionOf(admin: Admin, topic: string, key: Buffer): Promise<number | undefined> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = topics[0]?.partitions.length ?? 0;
  return partitions === 0 ? undefined : partitionOfKey(key, partitions);
}
