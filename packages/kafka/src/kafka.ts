/** Kafka and the schema registry as the services see them. */
import type { RecordName, Records } from '@millrace/schemas';
import type { WindowedConsumer, WindowedConsumerOptions } from './consumer-options.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { FollowedTable, FollowedTableOptions } from './followed-table.ts';
import type { KafkaLogger } from './log.ts';
import type { Producer, ProducerOptions } from './producer.ts';
import type { RetentionAlarm } from './retention.ts';
import type { Tail, TailOptions } from './tail.ts';

export interface KafkaOptions {
  /** host:port. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Put before every topic and group name. Default ''. */
  readonly topicPrefix?: string;
  /** true, or PEM texts. */
  readonly tls?:
    | boolean
    | {
        readonly ca?: string;
        readonly cert?: string;
        readonly key?: string;
        /** Default true. */
        readonly rejectUnauthorized?: boolean;
      };
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
  readonly registry: {
    /** Base of the Confluent-compatible API. */
    readonly url: string;
    readonly username?: string;
    readonly password?: string;
  };
  /** Default: silent. */
  readonly logger?: KafkaLogger;
}

/** Where encoded values are put. */
export interface EncodingMemory {
  readonly open: { readonly bytes: Buffer; used: number };
  /** A value of `bytes` does not fit into what is open: another one is to be. */
  renew(bytes: number): void;
}

export interface Codec {
  /**
   * Confluent framing: a zero byte, the schema id, Avro. Throws InvalidValueError. Needs `registerSchemas()` first. Without
   * `memory` the bytes are the caller's for good.
   */
  encode<N extends RecordName>(record: N, value: Records[N], memory?: EncodingMemory): Buffer;
  /**
   * Resolves the writer's schema to ours; its `bytes` are views of the record's. A promise only where the writer's schema is not known yet: it is then
   * fetched for as long as that takes, or until `signal` aborts. Throws MalformedRecordError.
   */
  decode<N extends RecordName>(
    record: N,
    bytes: Buffer,
    signal?: AbortSignal,
  ): Records[N] | Promise<Records[N]>;
  /** False: it is none of the choice, without decoding it. True also where that cannot be told. Never throws. */
  mayBe<N extends RecordName>(record: N, bytes: Buffer, choice: RecordChoice<Records[N]>): boolean;
}

/** Records of which a text field has one of these values. */
export interface RecordChoice<T> {
  readonly field: keyof T & string;
  readonly values: ReadonlySet<string>;
}

export interface TopicOptions {
  /** Partitions of shards and single topics. Topics that exist keep theirs, or get more, never fewer. */
  readonly partitions: number;
  /** Of the realtime shards. Default: as the others. */
  readonly realtimePartitions?: number | undefined;
  readonly replicationFactor: number;
  /** Only these of the system's topics. Default: all. */
  readonly only?: readonly string[];
  /** Further queues of one partition, each with its dead letters: those of webhook endpoints. Default: none. */
  readonly queues?: readonly string[];
}

/** How far one group is behind on one topic. */
export interface TopicLag {
  /** Without the installation's prefix. */
  readonly group: string;
  readonly topic: string;
  /** Records written and not committed. */
  readonly lag: number;
  readonly partitions: readonly {
    readonly partition: number;
    readonly committed: number | null;
    readonly end: number;
    readonly lag: number;
  }[];
}

export interface ClusterFacts {
  readonly clusterId: string;
  readonly controller: number | null;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  /** This installation's topics, without prefix. */
  readonly topics: readonly string[];
}

export interface Kafka {
  readonly codec: Codec;
  /** Registers our schemas under their subjects, FULL_TRANSITIVE; may be called by many processes at once. Throws SchemaIncompatibleError, RegistryUnavailableError. */
  registerSchemas(): Promise<void>;
  /** Creates what is missing of every topic of the system. */
  createTopics(options: TopicOptions): Promise<void>;
  producer(options?: ProducerOptions): Promise<Producer>;
  windowedConsumer<N extends RecordName>(options: WindowedConsumerOptions<N>): Promise<WindowedConsumer>;
  tail<N extends RecordName>(options: TailOptions<N>): Promise<Tail>;
  followedTable<N extends RecordName>(options: FollowedTableOptions<N>): Promise<FollowedTable>;
  /** How far groups are behind. Default: every group of this installation, every topic that it has offsets for. */
  lag(filter?: {
    readonly groups?: readonly string[];
    readonly topics?: readonly string[];
  }): Promise<readonly TopicLag[]>;
  /**
   * Groups and topics whose oldest unfinished record has used `share` (from 0 to 1) of the topic's retention, of all that
   * messages wait in. `now`: ms since the epoch.
   */
  retention(share: number, now: number): Promise<readonly RetentionAlarm[]>;
  /** Records that could not be processed. */
  readonly deadLetters: DeadLetters;
  /** What the cluster says of itself; throws KafkaUnavailableError within seconds where it is not there. */
  clusterFacts(): Promise<ClusterFacts>;
  /** Stops everything made by this object that is still running. */
  stop(): Promise<void>;
}
