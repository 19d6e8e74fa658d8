/**
 * The classes inside kafkajs 2.2.4 whose methods this folder replaces or calls, in as much of their shape as is used.
 * kafkajs is pinned to that version: these are not its public interface.
 */
import { createRequire } from 'node:module';
import type { ISocketFactory, Kafka, Message } from 'kafkajs';

const require = createRequire(import.meta.url);

/** A class of kafkajs: only what its instances inherit is of interest. */
export interface KafkaJsClass<Methods> {
  readonly prototype: Methods;
}

export interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<
    number,
    { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }
  >;
  readonly enforceRequestTimeout: boolean;
  /** Cleared by `destroy`. */
  requestTimeoutIntervalId?: NodeJS.Timeout;
  isConnected(): boolean;
  /** Ends its timers. */
  destroy(): void;
}

/** The requests of one connection that are under way or wait for their turn. */
export const requestQueueClass: KafkaJsClass<{
  scheduleCheckPendingRequests(this: RequestQueue): void;
  scheduleRequestTimeoutCheck(this: RequestQueue): void;
}> = require('kafkajs/src/network/requestQueue/index.js');

/** What a request queue tells of an answer, or of why there is none. */
interface QueueEntry {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly resolve: (answer: { readonly payload: Buffer }) => void;
  readonly reject: (error: unknown) => void;
}

/** One connection to a broker. */
export interface Connection {
  readonly clientId: string;
  readonly sasl: object | null | undefined;
  readonly socket: { write(bytes: Buffer): unknown; destroy(error?: Error): unknown };
  /** While it logs in: who waits for the answer, a whole one with its length or, unless a response is expected, any bytes. */
  readonly authHandlers: { onSuccess(answer: Buffer): void } | null;
  readonly authExpectResponse: boolean;
  readonly requestQueue: {
    /** An answer has come, of so many bytes behind its length. */
    fulfillRequest(answer: {
      readonly correlationId: number;
      readonly payload: Buffer;
      readonly size: number;
    }): void;
    push(request: {
      readonly entry: QueueEntry;
      readonly expectResponse: boolean;
      readonly requestTimeout: number | null;
      readonly sendRequest: () => void;
    }): void;
    /** KIP-219; ms. */
    maybeThrottle(clientSideThrottleTime: number | null | undefined): void;
  };
  isAuthenticated(): boolean;
  nextCorrelationId(): number;
  /** Throws kafkajs's error. */
  failIfNotConnected(): void;
  /** Logs in, where that is needed. */
  authenticate(): Promise<void>;
  /** Ends every request that is under way or waits with this error. */
  rejectRequests(error: unknown): void;
  /** Waits for the requests that are under way. */
  disconnect(): Promise<unknown>;
}

export const connectionClass: KafkaJsClass<{ processData(this: Connection, chunk: Buffer): void }> =
  require('kafkajs/src/network/connection.js');

/** What opens a connection where nothing else is asked for. */
export const theirSocket: ISocketFactory = require('kafkajs/src/network/socketFactory.js')();

/** Which request of the protocol it is. */
export interface RequestKind {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
}

export interface Broker {
  readonly connectionPool: {
    /** Connects first where that is needed. */
    getConnectionByRequest(exchange: { readonly request: RequestKind }): Promise<Connection>;
  };
  disconnect(): Promise<void>;
}

/** What a producer of kafkajs wants written, for one broker. */
export interface ProduceOrder {
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence: number;
      readonly messages: readonly Message[];
    }[];
  }[];
  readonly transactionalId?: string | null;
  readonly producerId: string | number;
  readonly producerEpoch: number;
  readonly acks: number;
  readonly timeout?: number;
  readonly compression?: number;
}

export const brokerClass: KafkaJsClass<{ produce(this: Broker, order: ProduceOrder): Promise<unknown> }> =
  require('kafkajs/src/broker/index.js');

interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

type OffsetsByTopic = Readonly<Record<string, Readonly<Record<number, string>>>>;

/** The brokers, and who leads what. */
export interface Cluster {
  readonly brokerPool: { readonly metadata: object | null };
  refreshMetadataIfNecessary(): Promise<void>;
  /** Throws kafkajs's errors where it is not there. */
  findBroker(node: { readonly nodeId: string }): Promise<Broker>;
}

/** Connections of its own to the brokers. */
export interface OwnCluster extends Cluster {
  connect(): Promise<void>;
  /** Waits for the requests that are under way. */
  disconnect(): Promise<void>;
  /** Its metadata are among those that are read. */
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  /** By node. Throws where one has no leader. */
  findLeaderForPartitions(
    topic: string,
    partitions: readonly number[],
  ): Readonly<Record<string, readonly number[]>>;
}

interface ClusterOptions {
  /** ms. */
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
}

/** A cluster as kafkajs makes one for each of its producers and consumers, which it keeps to itself. */
export function openCluster(kafka: Kafka, options: ClusterOptions): OwnCluster {
  const key = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create: unknown = key === undefined ? undefined : Reflect.get(kafka, key);
  if (typeof create !== 'function') throw new TypeError('This kafkajs makes its clusters in another way.');
  return create(options);
}

/** One consumer's membership of its group. */
export interface ConsumerGroup {
  readonly cluster: Cluster;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  readonly isolationLevel: number;
  readonly partitionsPerSubscribedTopic: object | null;
  readonly seekOffset: { readonly size: number; has(topic: string, partition: number): boolean };
  readonly subscriptionState: {
    readonly assignedPartitionsByTopic: object;
    assigned(): readonly TopicPartitions[];
    isPaused(topic: string, partition: number): boolean;
  };
  readonly offsetManager: { readonly resolvedOffsets: OffsetsByTopic; committedOffsets(): OffsetsByTopic };
  checkForStaleAssignment(): void;
  filterPartitionsByNode(nodeId: string, assigned: readonly TopicPartitions[]): readonly TopicPartitions[];
  seekOffsets(topicPartitions: readonly TopicPartitions[]): Promise<void>;
  recoverFromFetch(error: unknown): Promise<void>;
  /** Where the last one is `interval` ms ago. Throws kafkajs's errors, one of them when the group rebalances. */
  heartbeat(of: { readonly interval: number }): Promise<void>;
}

export const consumerGroupClass: KafkaJsClass<{
  fetch(this: ConsumerGroup, nodeId: string): Promise<readonly object[]>;
}> = require('kafkajs/src/consumer/consumerGroup.js');

/** What fetches for a member of a group, again and again. */
export const runnerClass: KafkaJsClass<{
  /** Waits for the fetches that are under way. */
  stop(this: { readonly consumerGroup: ConsumerGroup }): Promise<void>;
}> = require('kafkajs/src/consumer/runner.js');

const { createErrorFromCode }: { createErrorFromCode: (code: number) => Error & { readonly type: string } } =
  require('kafkajs/src/protocol/error.js');
const {
  KafkaJSOffsetOutOfRange,
}: {
  KafkaJSOffsetOutOfRange: new (
    error: Error,
    where: { readonly topic: string; readonly partition: number },
  ) => Error;
} = require('kafkajs/src/errors.js');

/** What kafkajs throws for a code of the protocol. */
export function protocolErrorOf(
  code: number,
  where?: { readonly topic: string; readonly partition: number },
): Error {
  const error = createErrorFromCode(code);
  return where !== undefined && error.type === 'OFFSET_OUT_OF_RANGE'
    ? new KafkaJSOffsetOutOfRange(error, where)
    : error;
}

/** A compression of record batches. */
export interface CompressionCodec {
  compress(records: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(records: Buffer): Promise<Buffer>;
}

/** By its number in a batch's attributes; null: not compressed. Throws KafkaJSNotImplemented for what it has not. */
export const {
  lookupCodec: codecOf,
}: {
  lookupCodec: (type: number) => CompressionCodec | null;
} = require('kafkajs/src/protocol/message/compression/index.js');
