/** What a windowed consumer takes and shows. */
import type { RecordName, Records } from '@millrace/schemas';
import type { FlowLimits } from './flow-budget.ts';
import type { RecordHandler } from './held.ts';
import type { RecordChoice } from './kafka.ts';

export interface WindowedConsumerOptions<N extends RecordName> {
  /** Group name without the installation's prefix. */
  readonly group: string;
  /** Topics without the installation's prefix. */
  readonly topics: readonly string[];
  readonly record: N;
  readonly handler: RecordHandler<Records[N]>;
  /** Unfinished records of one partition, and their encoded bytes. Default 1,000 and 8,388,608. */
  readonly window?: { readonly records?: number; readonly bytes?: number };
  /**
   * Records that are handed out ahead of what becomes of them, see FlowBudget. Default 256 together, and 32 of each
   * partition in any case. Only what is handed out can overtake what was there before it.
   */
  readonly ahead?: FlowLimits;
  /** Encoded bytes of all partitions together, shared out equally among them. Default 67,108,864. */
  readonly totalBytes?: number;
  /**
   * A fetch returns when the broker has `minBytes` (default 1: a new record ends it at once) or after `maxWaitMs`
   * (default 200). A partition that was paused waits for the fetch that is under way. What may wait a moment asks for
   * more bytes: each fetch costs the broker and the consumer the same, however little it brings.
   */
  readonly fetch?: { readonly minBytes?: number; readonly maxWaitMs?: number };
  /**
   * Hands out only records of which a text field has one of these values: the others count as finished without being decoded,
   * for a fraction of what that costs. Where it cannot be told, a record is handed out.
   */
  readonly only?: RecordChoice<Records[N]>;
  /**
   * What a record is read into is used again once it is complete: after that nobody may look at anything of it that is a
   * Buffer. Saves the garbage of large records. Default false.
   */
  readonly reuseMemory?: boolean;
  /** Longest time between a completion and its commit, ms. Default 200. */
  readonly commitIntervalMs?: number;
  /** How long `stop` waits for what is in flight, ms. Default 10,000. */
  readonly drainMs?: number;
  /** A member that is silent for this long loses its partitions, ms. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** A group without offsets starts here. Default earliest. */
  readonly startAt?: 'earliest' | 'latest';
  /** Most members that share one topic's partitions; more members stand by. Default: no limit. */
  readonly maxMembersPerTopic?: (topic: string) => number;
  /** Aborting it stops the consumer. */
  readonly signal?: AbortSignal;
}

/** One partition as its consumer sees it. */
export interface PartitionStats {
  readonly topic: string;
  readonly partition: number;
  /** Handed out and not finished. */
  readonly inFlight: number;
  /** Fetched, waiting for room in the window. */
  readonly queued: number;
  /** Encoded bytes of both. */
  readonly bytes: number;
  /** Every offset below it is finished. */
  readonly watermark: number;
  /** Records of the partition that are not finished, as of the last fetch. */
  readonly lag: number;
  readonly paused: boolean;
}

export interface ConsumerStats {
  readonly inFlight: number;
  readonly queued: number;
  readonly bytes: number;
  readonly lag: number;
  readonly partitions: readonly PartitionStats[];
}

/** A partition, by its topic without prefix. */
export interface Assignment {
  readonly topic: string;
  readonly partition: number;
}

export interface WindowedConsumer {
  /** Stops handing out records of a topic, or of one of its partitions. What is in flight goes on. */
  pause(topic: string, partition?: number): void;
  resume(topic: string, partition?: number): void;
  assignments(): readonly Assignment[];
  stats(): ConsumerStats;
  /** Resolves when the group has given this member its partitions (perhaps none). */
  joined(): Promise<void>;
  /** Stops fetching, waits for what is in flight up to `drainMs`, commits, leaves the group. */
  stop(): Promise<void>;
}
