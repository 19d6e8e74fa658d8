/**
 * The producer: idempotent, acks=all, one request at a time; what arrives meanwhile is the next request's batch.
 *
 * kafkajs takes a sequence number back when a request fails, although the broker may have written the batch. Sent again
 * unchanged, the broker recognises it. Another batch of the same size under that number would be taken for it and
 * acknowledged without being written. So a batch is repeated as it is until it is acknowledged, and where it is given
 * up, the client is replaced by one with a new producer id before anything else is sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordName, Records } from '@millrace/schemas';
import {
  CompressionTypes,
  type Kafka as KafkaJs,
  type Producer as KafkaJsProducer,
  type Message,
} from 'kafkajs';
import { impatient } from './connection.ts';
import { EncodingSlabs, type Slab } from './encoding-slabs.ts';
import { KafkaClosedError, KafkaRefusedError, KafkaUnavailableError, RecordTooLargeError } from './errors.ts';
import { failureOf } from './failure.ts';
import type { Codec } from './kafka.ts';
import { partitionOfKey } from './key-partition.ts';
import type { KafkaLogger } from './log.ts';
import type { BytesToSend, Producer, ProducerOptions, RecordToSend } from './producer.ts';
import { withTraceparent } from './record-headers.ts';

/** Under the brokers' default of message.max.bytes, 1,048,588. */
const maxRequestBytes = 950_000;
/** What does not wait for more. */
const worthwhileBytes = maxRequestBytes / 2;
const maxRequestRecords = 1_000;
const recordOverheadBytes = 70;
const retryMs = { first: 50, longest: 1_000 };
const sweepMs = 100;
/** Of 256 KB each, between two bursts. */
const keptSlabs = 8;

interface Pending {
  readonly topic: string;
  readonly message: Message;
  readonly bytes: number;
  readonly sentAt: number;
  /** Holds the encoded value; undefined: that is the caller's. */
  readonly slab: Slab | undefined;
  settled: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function sizeOf(message: Message): number {
  let bytes = recordOverheadBytes + (message.value?.length ?? 0) + (message.key?.length ?? 0);
  for (const name in message.headers) bytes += name.length + (message.headers[name]?.length ?? 0) + 4;
  return bytes;
}

export class BatchingProducer implements Producer {
  readonly #kafka: KafkaJs;
  readonly #codec: Codec;
  readonly #prefix: string;
  readonly #logger: KafkaLogger;
  readonly #maxInFlightBytes: number;
  readonly #timeoutMs: number;
  readonly #compressAboveBytes: number;
  readonly #lingerMs: number;
  readonly #queue: Pending[] = [];
  readonly #blocked: (() => void)[] = [];
  readonly #stopping = new AbortController();
  readonly #slabs = new EncodingSlabs(keptSlabs);
  #client: KafkaJsProducer | undefined;
  #batch: readonly Pending[] = [];
  #bytes = 0;
  #records = 0;
  #pumping = false;
  /** When the newest request began, `performance.now()`. */
  #begunAt = Number.NEGATIVE_INFINITY;
  /** Ends the wait before the next request. */
  #go: () => void = () => undefined;
  #ready = false;
  #stopped = false;
  #sweeper: NodeJS.Timeout | undefined;
  #idle: (() => void)[] = [];

  constructor(
    kafka: KafkaJs,
    codec: Codec,
    prefix: string,
    logger: KafkaLogger,
    options: ProducerOptions = {},
  ) {
    this.#kafka = kafka;
    this.#codec = codec;
    this.#prefix = prefix;
    this.#logger = logger;
    this.#maxInFlightBytes = options.maxInFlightBytes ?? 33_554_432;
    this.#timeoutMs = options.timeoutMs ?? Number.POSITIVE_INFINITY;
    this.#compressAboveBytes = options.compressAboveBytes ?? Number.POSITIVE_INFINITY;
    this.#lingerMs = options.lingerMs ?? 0;
  }

  get ready(): boolean {
    return this.#ready && !this.#stopped;
  }

  /** Resolves when the first try to reach the brokers is over: `ready` says how it went. Where it failed, tries go on. */
  async start(): Promise<void> {
    if (await this.#tryConnect()) return;
    this.#pump();
  }

  send<N extends RecordName>(record: N, topic: string, message: RecordToSend<Records[N]>): Promise<void> {
    const headers = withTraceparent(message.headers);
    return this.#admit(
      topic,
      message.key,
      message.timestamp,
      headers,
      () => this.#codec.encode(record, message.value, this.#slabs),
      this.#slabs,
    );
  }

  sendBytes(topic: string, message: BytesToSend): Promise<void> {
    return this.#admit(topic, message.key, message.timestamp, message.headers, () => message.value);
  }

  sendTombstone(topic: string, key: string | Buffer): Promise<void> {
    return this.#admit(topic, key, undefined, undefined, () => null);
  }

  stats(): { readonly records: number; readonly bytes: number } {
    return { records: this.#records + this.#blocked.length, bytes: this.#bytes };
  }

  flush(): Promise<void> {
    if (this.#records === 0 && this.#blocked.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#go();
    });
  }

  async stop(limitMs = 10_000): Promise<void> {
    if (this.#stopped) return;
    const limit = new AbortController();
    await Promise.race([
      this.flush(),
      sleep(limitMs, undefined, { signal: limit.signal }).catch(() => undefined),
    ]);
    limit.abort();
    this.#stopped = true;
    this.#stopping.abort();
    clearTimeout(this.#sweeper);
    for (const pending of [...this.#batch, ...this.#queue.splice(0)])
      this.#settle(pending, new KafkaClosedError('The producer'));
    for (const admit of this.#blocked.splice(0)) admit();
    await this.#client?.disconnect();
  }

  #admit(
    topic: string,
    key: string | Buffer,
    timestamp: number | undefined,
    headers: BytesToSend['headers'],
    encode: () => Buffer | null,
    slabs?: EncodingSlabs,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        try {
          if (this.#stopped) throw new KafkaClosedError('The producer');
          const now = Date.now();
          const message: Message = { key, value: encode(), timestamp: String(timestamp ?? now) };
          if (headers !== undefined) message.headers = headers;
          const bytes = sizeOf(message);
          if (bytes > maxRequestBytes) throw new RecordTooLargeError(topic, bytes, maxRequestBytes);
          const slab = slabs?.hold();
          this.#bytes += bytes;
          this.#records += 1;
          this.#queue.push({ topic, message, bytes, sentAt: now, slab, settled: false, resolve, reject });
          if (this.#bytes >= worthwhileBytes) this.#go();
          this.#watch();
          this.#pump();
        } catch (error) {
          reject(error);
        }
      };
      // Who waits for room keeps the order.
      if (this.#bytes >= this.#maxInFlightBytes || this.#blocked.length > 0) this.#blocked.push(admit);
      else admit();
    });
  }

  #settle(pending: Pending, error?: Error): void {
    if (pending.settled) return;
    pending.settled = true;
    this.#bytes -= pending.bytes;
    this.#records -= 1;
    if (error === undefined) pending.resolve();
    else pending.reject(error);
    while (this.#blocked.length > 0 && this.#bytes < this.#maxInFlightBytes) this.#blocked.shift()?.();
    if (this.#records === 0 && this.#blocked.length === 0) for (const done of this.#idle.splice(0)) done();
  }

  /** As long as a record waits for its acknowledgement. */
  #watch(): void {
    if (this.#sweeper !== undefined || this.#stopped || !Number.isFinite(this.#timeoutMs)) return;
    this.#sweeper = setTimeout(
      () => {
        this.#sweeper = undefined;
        this.#expire();
        if (this.#records > 0) this.#watch();
      },
      Math.min(sweepMs, this.#timeoutMs),
    );
  }

  #expire(): void {
    const before = Date.now() - this.#timeoutMs;
    const error = new KafkaUnavailableError(
      `No broker acknowledged the record within ${this.#timeoutMs} ms.`,
    );
    const late = this.#batch.filter((pending) => !pending.settled && pending.sentAt < before);
    let queued = 0;
    while ((this.#queue[queued]?.sentAt ?? Number.POSITIVE_INFINITY) < before) queued += 1;
    late.push(...this.#queue.splice(0, queued));
    // Not only when kafkajs gives up, which takes it longer.
    if (late.length > 0) this.#ready = false;
    for (const pending of late) this.#settle(pending, error);
  }

  #pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    // After this turn of the event loop: what is sent in the same turn goes in the same request.
    setImmediate(() => {
      this.#run()
        .catch((error: unknown) => this.#logger.error({ error: String(error) }, 'the producer failed'))
        .finally(() => {
          this.#pumping = false;
          if (this.#queue.length > 0) this.#pump();
        });
    });
  }

  async #run(): Promise<void> {
    while (!this.#stopped && (this.#queue.length > 0 || this.#client === undefined)) {
      if (this.#client === undefined) await this.#connect();
      if (this.#lingerMs > 0) await this.#linger();
      const batch = this.#take();
      if (batch.length > 0) await this.#deliver(batch);
    }
  }

  async #linger(): Promise<void> {
    const waitMs = this.#begunAt + this.#lingerMs - performance.now();
    if (waitMs > 0 && this.#bytes < worthwhileBytes && this.#idle.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#go = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#begunAt = performance.now();
  }

  #take(): readonly Pending[] {
    let bytes = 0;
    let count = 0;
    for (const pending of this.#queue) {
      bytes += pending.bytes;
      if (count > 0 && (bytes > maxRequestBytes || count >= maxRequestRecords)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  /** Until every record of the batch is acknowledged, refused or given up. */
  async #deliver(batch: readonly Pending[]): Promise<void> {
    for (let waitMs = retryMs.first; !this.#stopped; waitMs = Math.min(waitMs * 2, retryMs.longest)) {
      this.#batch = batch;
      const client = this.#client;
      if (client === undefined) {
        await this.#connect();
        continue;
      }
      try {
        await client.sendBatch(this.#requestOf(batch));
        this.#ready = true;
        this.#batch = [];
        for (const pending of batch) {
          this.#settle(pending);
          // Only here: after a failure a request that is still under way may read its values.
          if (pending.slab !== undefined) this.#slabs.release(pending.slab);
        }
        return;
      } catch (error) {
        const failure = failureOf(error);
        if (failure.kind === 'refused') {
          await this.#replace();
          await this.#isolate(batch, failure.error);
          return;
        }
        this.#ready = false;
        this.#logger.warn({ error: failure.error.message, records: batch.length }, 'Kafka takes no records');
        if (failure.kind === 'sequence') await this.#replace();
        if (batch.every((pending) => pending.settled)) {
          this.#batch = [];
          await this.#replace();
          return;
        }
        await this.#pause(waitMs);
      }
    }
  }

  /** One record that the cluster refuses must not take the others with it: halves, until it is alone. */
  async #isolate(batch: readonly Pending[], error: Error): Promise<void> {
    this.#batch = [];
    const [first] = batch;
    if (first === undefined) return;
    if (batch.length === 1) {
      this.#settle(
        first,
        new KafkaRefusedError(`Kafka refuses a record for ${first.topic}: ${error.message}`, {
          cause: error,
        }),
      );
      return;
    }
    const sameTopic = batch.filter((pending) => pending.topic === first.topic);
    const others = batch.filter((pending) => pending.topic !== first.topic);
    const half = Math.ceil(batch.length / 2);
    const parts = others.length > 0 ? [sameTopic, others] : [batch.slice(0, half), batch.slice(half)];
    for (const part of parts) await this.#deliver(part);
  }

  #requestOf(batch: readonly Pending[]) {
    const byTopic = new Map<string, Message[]>();
    let bytes = 0;
    for (const pending of batch) {
      bytes += pending.bytes;
      const messages = byTopic.get(pending.topic);
      if (messages === undefined) byTopic.set(pending.topic, [pending.message]);
      else messages.push(pending.message);
    }
    return {
      acks: -1,
      compression:
        bytes / batch.length > this.#compressAboveBytes ? CompressionTypes.GZIP : CompressionTypes.None,
      topicMessages: [...byTopic].map(([topic, messages]) => ({ topic: this.#prefix + topic, messages })),
    };
  }

  async #replace(): Promise<void> {
    const old = this.#client;
    this.#client = undefined;
    await old?.disconnect().catch((error: unknown) => {
      this.#logger.debug({ error: String(error) }, 'disconnecting a producer');
    });
  }

  async #connect(): Promise<void> {
    for (let waitMs = retryMs.first; !this.#stopped; waitMs = Math.min(waitMs * 2, retryMs.longest)) {
      if (await this.#tryConnect()) return;
      await this.#pause(waitMs);
    }
  }

  async #tryConnect(): Promise<boolean> {
    const client = this.#kafka.producer({
      idempotent: true,
      createPartitioner:
        () =>
        ({ message, partitionMetadata }) =>
          // Every record of ours has a key.
          partitionOfKey(message.key ?? '', partitionMetadata.length),
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: impatient,
    });
    try {
      await client.connect();
      this.#client = client;
      this.#ready = true;
      return true;
    } catch (error) {
      this.#ready = false;
      this.#logger.warn({ error: failureOf(error).error.message }, 'no Kafka broker to produce to');
      await client.disconnect().catch((reason: unknown) => {
        this.#logger.debug({ error: String(reason) }, 'disconnecting a producer');
      });
      return false;
    }
  }

  async #pause(waitMs: number): Promise<void> {
    await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
