/**
 * The classes inside kafkajs 2.2.4 whose methods this folder replaces or calls, in as much of their shape as is used.
 * kafkajs is pinned to that version: these are not its public interface.
 */
import { createRequire } from 'node:module';
import type { Message } from 'kafkajs';

const require = createRequire(import.meta.url);

/** A class of kafkajs: only what its instances inherit is of interest. */
export interface KafkaJsClass<Methods> {
  readonly prototype: Methods;
}

export interface RequestQueue {
  readonly pending: readonly unknown[];
}

/** The requests of one connection that are under way or wait for their turn. */
export const requestQueueClass: KafkaJsClass<{
  scheduleCheckPendingRequests(this: RequestQueue): void;
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
  readonly socket: { write(bytes: Buffer): unknown };
  readonly requestQueue: {
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
  /** Its own way of sending, which logs in first. */
  send<Answer>(exchange: {
    /** kafkajs takes what has a `buf` for encoded. */
    readonly request: RequestKind & {
      readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
    };
    readonly response: {
      readonly decode: (payload: Buffer) => Promise<Answer>;
      readonly parse: (decoded: Answer) => Promise<Answer>;
    };
    /** ms; the client's own limit counts where it is longer. */
    readonly requestTimeout?: number;
  }): Promise<Answer>;
}

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

/** One consumer's membership of its group. */
export interface ConsumerGroup {
  readonly cluster: {
    readonly brokerPool: { readonly metadata: object | null };
    refreshMetadataIfNecessary(): Promise<void>;
    /** Throws kafkajs's errors where it is not there. */
    findBroker(node: { readonly nodeId: string }): Promise<Broker>;
  };
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
}

export const consumerGroupClass: KafkaJsClass<{
  fetch(this: ConsumerGroup, nodeId: string): Promise<readonly object[]>;
}> = require('kafkajs/src/consumer/consumerGroup.js');

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
