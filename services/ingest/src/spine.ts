/** The connection to Kafka: made in the background, so that ingest answers 503 instead of not answering while it is away. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Stream, topics } from '@millrace/core';
import type { FollowedTable, Kafka, Producer } from '@millrace/kafka';
import { KafkaClosedError, KafkaUnavailableError, RecordTooLargeError } from '@millrace/kafka';
import { BlobError, MessageError } from '@millrace/message';
import { invalidRequest, ProblemError } from './problem.ts';

/** After how long without an acknowledgement a request is answered with 503, ms. */
export const acknowledgeTimeoutMs = 10_000;
/** What `Retry-After` says while Kafka is away, ms. */
const retryAfterMs = 5_000;
const longestBackoffMs = 5_000;
/** What ingest writes to. The others belong to the services after it. */
const ownTopics = [
  topics.requests,
  topics.realtimeRequests,
  topics.templates,
  topics.suppressions,
  topics.suppressionChanges,
  topics.control,
];
/** Not acknowledged yet, of a stream; what comes above it waits its turn. */
const unacknowledgedBytes = 8_388_608;
/** Between two requests with batch mail: twenty SMTP connections would have 300 a second, of nine mails each. */
const batchLingerMs = 5;

/** What is said of the connection. */
export interface SpineLog {
  info(details: object, text: string): void;
  warn(details: object, text: string): void;
}

export interface SpineOptions {
  readonly kafka: Kafka;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Starts to follow the tables; called once the topics are there. */
  readonly follow: (kafka: Kafka) => Promise<readonly FollowedTable[]>;
  readonly log: SpineLog;
}

/** The problem that every request gets while Kafka is away. */
export const kafkaAway = (cause?: unknown): ProblemError =>
  new ProblemError(
    'unavailable',
    'Kafka cannot be reached; nothing was accepted that was not answered with 202',
    {
      retryAfterMs,
      cause,
    },
  );

export class Spine {
  readonly #options: SpineOptions;
  readonly #stopping = new AbortController();
  #producers: Readonly<Record<Stream, Producer>> | undefined;
  #tables: readonly FollowedTable[] = [];
  #caughtUp = false;
  #connecting: Promise<void>;

  constructor(options: SpineOptions) {
    this.#options = options;
    this.#connecting = this.#connect();
  }

  /** Whether requests can be taken. */
  get ready(): boolean {
    return this.#caughtUp && this.#producers?.realtime.ready === true && this.#producers.batch.ready === true;
  }

  /**
   * The producer of a stream; throws the 503 at once while Kafka is away. Each has its own, so that a realtime request
   * never queues behind a batch; what an operator writes goes with realtime.
   */
  producer(stream: Stream = 'realtime'): Producer {
    const producer = this.#caughtUp ? this.#producers?.[stream] : undefined;
    if (producer?.ready !== true) throw kafkaAway();
    return producer;
  }

  /** Resolves when the tables hold everything that was in their topics at this moment. */
  async catchUp(): Promise<void> {
    await Promise.all(this.#tables.map((table) => table.catchUp()));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#connecting;
    await this.#options.kafka.stop();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#stopping;
    for (let waitMs = 250; !signal.aborted; waitMs = Math.min(longestBackoffMs, waitMs * 2)) {
      try {
        await this.#connectOnce();
        this.#options.log.info({}, 'Kafka is there: requests are taken');
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.log.warn({ err: error, retry_in_ms: waitMs }, 'Kafka or the registry is not there yet');
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #connectOnce(): Promise<void> {
    const { kafka, partitions, replicationFactor, follow } = this.#options;
    await kafka.createTopics({ partitions, replicationFactor, only: ownTopics });
    await kafka.registerSchemas();
    this.#producers ??= await this.#makeProducers();
    if (this.#tables.length === 0) this.#tables = await follow(kafka);
    await Promise.all(this.#tables.map((table) => table.caughtUp()));
    this.#caughtUp = true;
  }

  async #makeProducers(): Promise<Readonly<Record<Stream, Producer>>> {
    const make = (lingerMs: number): Promise<Producer> =>
      this.#options.kafka.producer({
        lingerMs,
        timeoutMs: acknowledgeTimeoutMs,
        compressAboveBytes: 16_384,
        maxInFlightBytes: unacknowledgedBytes,
      });
    const [realtime, batch] = await Promise.all([make(0), make(batchLingerMs)]);
    return { realtime, batch };
  }
}

/** What an error on the way into Kafka or the blob store means for a caller. */
export const asProblem = (error: unknown): unknown => {
  if (error instanceof BlobError) {
    const detail = 'The store of large messages cannot be reached; nothing was accepted';
    return new ProblemError('unavailable', detail, { retryAfterMs, cause: error });
  }
  if (error instanceof MessageError) return invalidRequest([{ field: 'body', message: error.message }]);
  if (error instanceof KafkaUnavailableError || error instanceof KafkaClosedError) return kafkaAway(error);
  if (error instanceof RecordTooLargeError) {
    const detail = `The request makes a record of ${error.sizeBytes} bytes: shorten the variables or the headers`;
    return new ProblemError('too-large', detail, { cause: error });
  }
  return error;
};
