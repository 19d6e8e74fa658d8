/**
 * The windowed consumer on kafkajs: `eachBatch` puts what was fetched into its partition's window and returns at once;
 * records are handed out while there is room, finish in any order, and a timer commits the watermarks.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordName, Records } from '@millrace/schemas';
import type { Admin, EachBatchPayload, Kafka as KafkaJs, Consumer as KafkaJsConsumer } from 'kafkajs';
import { stickyAssigner } from './assigner.ts';
import { patient } from './connection.ts';
import type {
  Assignment,
  ConsumerStats,
  WindowedConsumer,
  WindowedConsumerOptions,
} from './consumer-options.ts';
import { sendDeadLetter } from './dead-letter.ts';
import { KafkaClosedError, MalformedRecordError } from './errors.ts';
import { failureOf } from './failure.ts';
import { FlowBudget } from './flow-budget.ts';
import type { Held } from './held.ts';
import type { Codec } from './kafka.ts';
import type { KafkaLogger } from './log.ts';
import { keyOf, OffsetCommitter } from './offset-committer.ts';
import {
  type Committed,
  type FetchedRecord,
  PartitionWindow,
  type WindowLimits,
} from './partition-window.ts';
import type { Producer } from './producer.ts';
import { fetchedBatchOf } from './wire/fetched-batch.ts';

const heartbeatMs = 1_000;
const fetchBytes = 4_194_304;
const finalCommitMs = 3_000;
const restartMs = 500;
const defaultAhead = { together: 256, ofPartition: 32 };
/** A quarter of the time for which a record counts as being on its way. */
const flowTurnMs = 1_000;

/** What a consumer is made with, besides its options. */
export interface ConsumerParts {
  readonly kafka: KafkaJs;
  readonly admin: () => Promise<Admin>;
  readonly codec: Codec;
  readonly prefix: string;
  readonly logger: KafkaLogger;
  /** For dead letters. */
  readonly producer: () => Promise<Producer>;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class GroupConsumer<N extends RecordName> implements WindowedConsumer {
  readonly #parts: ConsumerParts;
  readonly #options: WindowedConsumerOptions<N>;
  readonly #windowRecords: number;
  readonly #windowBytes: number;
  readonly #partitions = new Map<string, PartitionWindow>();
  readonly #pausedTopics = new Set<string>();
  readonly #pausedPartitions = new Set<string>();
  readonly #drained: (() => void)[] = [];
  readonly #flow: FlowBudget;
  #flowTimer: NodeJS.Timeout | undefined;
  #consumer: KafkaJsConsumer | undefined;
  #loading: Promise<void> = Promise.resolve();
  #limits: WindowLimits;
  readonly #commits: OffsetCommitter;
  #stopping: Promise<void> | undefined;
  readonly #joined = Promise.withResolvers<void>();

  constructor(parts: ConsumerParts, options: WindowedConsumerOptions<N>) {
    this.#parts = parts;
    this.#options = options;
    this.#windowRecords = options.window?.records ?? 1_000;
    this.#windowBytes = options.window?.bytes ?? 8_388_608;
    this.#limits = { records: this.#windowRecords, bytes: this.#windowBytes };
    this.#flow = new FlowBudget(options.ahead ?? defaultAhead);
    this.#joined.promise.catch(() => undefined);
    this.#commits = new OffsetCommitter({
      groupId: parts.prefix + options.group,
      prefix: parts.prefix,
      consumer: () => this.#consumer,
      admin: parts.admin,
      windows: () => this.#partitions.values(),
      intervalMs: options.commitIntervalMs ?? 200,
      stopping: () => this.#stopping !== undefined,
      logger: parts.logger,
    });
  }

  /** Joins the group; resolves as soon as that has been asked for. */
  async start(): Promise<void> {
    this.#options.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#flowTimer = setInterval(() => this.#turn(), flowTurnMs);
    await this.#run();
  }

  pause(topic: string, partition?: number): void {
    if (partition === undefined) this.#pausedTopics.add(topic);
    else this.#pausedPartitions.add(keyOf(topic, partition));
    this.#applyPauses();
  }

  resume(topic: string, partition?: number): void {
    if (partition === undefined) this.#pausedTopics.delete(topic);
    else this.#pausedPartitions.delete(keyOf(topic, partition));
    this.#applyPauses();
    for (const window of this.#partitions.values()) if (window.topic === topic) this.#handOut(window);
  }

  assignments(): readonly Assignment[] {
    return [...this.#partitions.values()].map(({ topic, partition }) => ({ topic, partition }));
  }

  stats(): ConsumerStats {
    const partitions = [...this.#partitions.values()].map((window) => window.stats(this.#isPaused(window)));
    const sum = (of: (one: (typeof partitions)[number]) => number): number =>
      partitions.reduce((total, one) => total + of(one), 0);
    return {
      inFlight: sum((one) => one.inFlight),
      queued: sum((one) => one.queued),
      bytes: sum((one) => one.bytes),
      lag: sum((one) => one.lag),
      partitions,
    };
  }

  joined(): Promise<void> {
    return this.#joined.promise;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  readonly #abort = (): void => {
    this.stop().catch((error: unknown) =>
      this.#parts.logger.error({ error: textOf(error) }, 'stopping a consumer'),
    );
  };

  async #run(): Promise<void> {
    const { group, topics, sessionTimeoutMs, startAt, maxMembersPerTopic } = this.#options;
    const { prefix } = this.#parts;
    const consumer = this.#parts.kafka.consumer({
      groupId: prefix + group,
      sessionTimeout: sessionTimeoutMs ?? 10_000,
      heartbeatInterval: heartbeatMs,
      rebalanceTimeout: 30_000,
      maxWaitTimeInMs: this.#options.fetch?.maxWaitMs ?? 200,
      minBytes: this.#options.fetch?.minBytes ?? 1,
      maxBytes: fetchBytes,
      maxBytesPerPartition: Math.max(65_536, Math.min(524_288, this.#windowBytes)),
      metadataMaxAge: 60_000,
      // A start that is under way when `stop` is called must be its last.
      retry: { ...patient, restartOnFailure: async () => this.#stopping === undefined },
      partitionAssigners: [
        stickyAssigner({
          owned: () =>
            [...this.#partitions.values()].map(({ topic, partition }) => ({
              topic: prefix + topic,
              partition,
            })),
          maxMembers: (topic) => maxMembersPerTopic?.(topic.slice(prefix.length)) ?? Number.POSITIVE_INFINITY,
        }),
      ],
    });
    this.#consumer = consumer;
    const { GROUP_JOIN, REBALANCING, CRASH } = consumer.events;
    consumer.on(GROUP_JOIN, async (event) => {
      // Joined by such a start: it must not keep partitions that it will not read.
      if (this.#stopping !== undefined) await consumer.disconnect();
      else this.#assign(event.payload.memberAssignment);
    });
    // The group still takes commits of the old generation until its members have joined again.
    consumer.on(REBALANCING, () => this.#commits.commit());
    consumer.on(CRASH, (event) => {
      if (!event.payload.restart) this.#restart(event.payload.error);
    });
    await consumer.subscribe({
      topics: topics.map((topic) => prefix + topic),
      fromBeginning: startAt !== 'latest',
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: (payload) => this.#onBatch(payload),
    });
  }

  /** kafkajs starts again by itself after what it calls retriable; the rest is ours. */
  #restart(error: Error): void {
    if (this.#stopping !== undefined) return;
    this.#parts.logger.error(
      { error: failureOf(error).error.message },
      'a consumer crashed; it starts again',
    );
    sleep(restartMs)
      .then(() => (this.#stopping === undefined ? this.#run() : undefined))
      .catch((again: unknown) => this.#restart(again instanceof Error ? again : new Error(String(again))));
  }

  #assign(memberAssignment: Readonly<Record<string, readonly number[]>>): void {
    const { prefix } = this.#parts;
    const assigned = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic: topic.slice(prefix.length), partition })),
    );
    const keys = new Set(assigned.map(({ topic, partition }) => keyOf(topic, partition)));
    for (const [key, window] of this.#partitions) {
      if (keys.has(key)) continue;
      this.#partitions.delete(key);
      window.lose();
    }
    const loading = this.#loading.then(() => this.#load(assigned));
    this.#loading = loading.catch(() => undefined);
    loading.then(
      () => this.#joined.resolve(),
      (error: unknown) => this.#parts.logger.error({ error: textOf(error) }, 'reading committed offsets'),
    );
  }

  /**
   * Reads what the group has committed. A partition that was ours and is committed as we committed it goes on where it
   * is; if anybody else has been at it, it starts afresh.
   */
  async #load(assigned: readonly Assignment[]): Promise<void> {
    const committed = await this.#commits.committed(assigned);
    for (const { topic, partition } of assigned) {
      const key = keyOf(topic, partition);
      const theirs = committed.get(key);
      const window = this.#partitions.get(key);
      const ours = window?.committed;
      if (window !== undefined && ours?.offset === theirs?.offset && ours?.metadata === theirs?.metadata) {
        this.#seek(window);
        continue;
      }
      window?.lose();
      this.#partitions.set(key, this.#windowOf(topic, partition, theirs));
    }
    this.#limits = {
      records: this.#windowRecords,
      bytes: Math.min(
        this.#windowBytes,
        Math.floor((this.#options.totalBytes ?? 67_108_864) / Math.max(1, assigned.length)),
      ),
    };
    this.#applyPauses();
  }

  #windowOf(topic: string, partition: number, committed: Committed | undefined): PartitionWindow {
    const { reuseMemory = false, only, record } = this.#options;
    const { codec } = this.#parts;
    return new PartitionWindow(topic, partition, committed, this.#flow, {
      reuse: reuseMemory,
      ...(only === undefined ? {} : { isWanted: (value) => codec.mayBe(record, value, only) }),
    });
  }

  /** After a rebalance kafkajs would fetch from the committed offset again: go on where we are. */
  #seek(window: PartitionWindow): void {
    if (window.position !== (window.committed?.offset ?? 0)) this.#fetchFrom(window);
  }

  #fetchFrom({ topic, partition, position }: PartitionWindow): void {
    this.#consumer?.seek({ topic: this.#parts.prefix + topic, partition, offset: String(position) });
  }

  /** False: it has not seen where its partition begins, which is where the log ended at the start. */
  #beginsSomewhere({ committed, position }: PartitionWindow): boolean {
    return this.#options.startAt !== 'latest' || committed !== undefined || position > 0;
  }

  async #onBatch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    await this.#loading;
    const topic = batch.topic.slice(this.#parts.prefix.length);
    const key = keyOf(topic, batch.partition);
    const { records } = fetchedBatchOf(batch);
    let window = this.#partitions.get(key);
    if (window === undefined || this.#stopping !== undefined) {
      records.discard();
      return;
    }
    // kafkajs keeps a seek that it has not come to; the partition may have left and come back meanwhile.
    if (this.#beginsSomewhere(window) && window.leavesOut(Number(batch.firstOffset()))) {
      records.discard();
      this.#fetchFrom(window);
      return;
    }
    const highWatermark = Number(batch.highWatermark);
    if (!window.take(records, highWatermark)) {
      window.lose();
      window = this.#windowOf(topic, batch.partition, undefined);
      this.#partitions.set(key, window);
      window.take(records, highWatermark);
    }
    resolveOffset(batch.lastOffset());
    this.#handOut(window);
    window.keep();
    if (window.dirty) this.#commits.schedule();
  }

  /** What has been on its way for long is not waited for any longer. */
  #turn(): void {
    this.#flow.nextTurn();
    for (const window of this.#partitions.values()) if (window.isHungry) this.#handOut(window);
  }

  #handOut(window: PartitionWindow): void {
    if (window.handing) return;
    window.handing = true;
    while (this.#stopping === undefined && !this.#isPaused(window) && !window.lost.aborted) {
      const record = window.next(this.#limits);
      if (record === undefined) break;
      this.#open(window, record);
    }
    window.handing = false;
    // Half a window of fetched records is kept ready, so that it does not run empty while the next ones are fetched.
    const full = window.queued > (window.full ? this.#windowRecords / 2 : 0);
    if (full !== window.full) {
      window.full = full;
      this.#applyPauses([window]);
    }
  }

  #open(window: PartitionWindow, record: FetchedRecord): void {
    try {
      const value = this.#parts.codec.decode(this.#options.record, record.bytes, window.lost);
      if (value instanceof Promise)
        value.then(
          (decoded) => this.#hand(window, record, decoded),
          (error: unknown) => this.#malformed(window, record, error),
        );
      else this.#hand(window, record, value);
    } catch (error) {
      this.#malformed(window, record, error);
    }
  }

  #malformed(window: PartitionWindow, record: FetchedRecord, error: unknown): void {
    if (window.lost.aborted) return;
    if (!(error instanceof MalformedRecordError))
      this.#parts.logger.error({ error: textOf(error) }, 'decoding a record');
    this.#supervise(this.#reject(window, record, textOf(error)));
  }

  #hand(window: PartitionWindow, record: FetchedRecord, value: Records[N]): void {
    if (window.lost.aborted) return;
    const held: Held<Records[N]> = {
      value,
      topic: window.topic,
      partition: window.partition,
      offset: record.slot.offset,
      timestamp: record.timestamp,
      key: record.key,
      headers: record.headers,
      sizeBytes: record.bytes.length,
      bytes: record.bytes,
      lost: window.lost,
      waits: () => this.#setAside(window, record),
      complete: () => this.#complete(window, record),
      reject: (reason) => this.#reject(window, record, reason),
    };
    const failed = (error: unknown): void => {
      this.#parts.logger.error(
        { error: textOf(error), topic: window.topic, partition: window.partition, offset: held.offset },
        'a handler failed; its record goes to the dead letters',
      );
      this.#supervise(this.#reject(window, record, `handler: ${textOf(error)}`));
    };
    try {
      const handled = this.#options.handler(held);
      if (handled !== undefined) handled.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #supervise(task: Promise<void>): void {
    task.catch((error: unknown) =>
      this.#parts.logger.error({ error: textOf(error) }, 'writing a dead letter'),
    );
  }

  #setAside(window: PartitionWindow, record: FetchedRecord): void {
    window.setAside(record);
    if (window.isHungry) this.#handOut(window);
  }

  #complete(window: PartitionWindow, record: FetchedRecord): void {
    if (!window.complete(record) || window.lost.aborted) return;
    this.#commits.schedule();
    if (window.isHungry) this.#handOut(window);
    if (this.#drained.length > 0 && this.#inFlight() === 0)
      for (const done of this.#drained.splice(0)) done();
  }

  async #reject(window: PartitionWindow, record: FetchedRecord, reason: string): Promise<void> {
    if (record.slot.done) return;
    await sendDeadLetter(await this.#parts.producer(), {
      group: this.#options.group,
      topic: window.topic,
      partition: window.partition,
      offset: record.slot.offset,
      key: record.key,
      bytes: record.bytes,
      headers: record.headers,
      reason,
    });
    this.#complete(window, record);
  }

  #isPaused(window: PartitionWindow): boolean {
    return (
      this.#pausedTopics.has(window.topic) ||
      this.#pausedPartitions.has(keyOf(window.topic, window.partition))
    );
  }

  #applyPauses(windows: Iterable<PartitionWindow> = this.#partitions.values()): void {
    const consumer = this.#consumer;
    if (consumer === undefined) return;
    try {
      for (const window of windows) {
        const one = [{ topic: this.#parts.prefix + window.topic, partitions: [window.partition] }];
        if (window.full || this.#stopping !== undefined || this.#isPaused(window)) consumer.pause(one);
        else consumer.resume(one);
      }
    } catch (error) {
      // Between a crash and the next start there is nothing to pause; joining applies them again.
      this.#parts.logger.debug({ error: textOf(error) }, 'pausing without a running consumer');
    }
  }

  #inFlight(): number {
    let count = 0;
    for (const window of this.#partitions.values()) count += window.inFlight;
    return count;
  }

  async #stop(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#abort);
    clearInterval(this.#flowTimer);
    this.#joined.reject(new KafkaClosedError('The consumer'));
    this.#applyPauses();
    const limit = new AbortController();
    const within = (ms: number): Promise<unknown> =>
      sleep(ms, undefined, { signal: limit.signal }).catch(() => undefined);
    if (this.#inFlight() > 0) {
      const drained = new Promise<void>((resolve) => this.#drained.push(resolve));
      await Promise.race([drained, within(this.#options.drainMs ?? 10_000)]);
    }
    await Promise.race([this.#commits.commit(), within(finalCommitMs)]);
    limit.abort();
    for (const window of this.#partitions.values()) window.lose();
    this.#partitions.clear();
    await Promise.race([this.#consumer?.disconnect(), sleep(finalCommitMs, undefined, { ref: false })]);
  }
}
