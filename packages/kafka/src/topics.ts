/** Every topic of the system, with how long it keeps what. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  deadLetterTopic,
  delayTiers,
  delayTopic,
  isps,
  requestTopic,
  shardTopic,
  streams,
  topics,
  webhookTopics,
} from '@millrace/core';
import type { Admin, ITopicConfig } from 'kafkajs';
import { KafkaUnavailableError } from './errors.ts';
import { failureOf } from './failure.ts';
import type { TopicOptions } from './kafka.ts';

const dayMs = 86_400_000;
const createWithinMs = 30_000;

/** What is particular to a topic. */
export interface TopicSpec {
  readonly name: string;
  readonly kept: { readonly kind: 'time'; readonly retentionMs: number } | { readonly kind: 'compacted' };
}

const queue = (name: string): TopicSpec => ({ name, kept: { kind: 'time', retentionMs: 7 * dayMs } });
const compacted = (name: string): TopicSpec => ({ name, kept: { kind: 'compacted' } });

/** Requests, shards, delay tiers, events, compacted tables, and the dead letters of what is consumed. */
export function topicSpecs(): readonly TopicSpec[] {
  const shards = streams.flatMap((stream) => isps.map((isp) => shardTopic(stream, isp)));
  const queues = [...streams.map(requestTopic), ...shards, ...delayTiers.map(delayTopic)];
  return [
    ...queues.map(queue),
    { name: topics.events, kept: { kind: 'time', retentionMs: 30 * dayMs } },
    queue(webhookTopics.log),
    { name: topics.reports, kept: { kind: 'time', retentionMs: 30 * dayMs } },
    { name: topics.suppressionChanges, kept: { kind: 'time', retentionMs: 400 * dayMs } },
    ...[topics.suppressions, topics.control, topics.templates, webhookTopics.state].map(compacted),
    ...[...queues, topics.events, topics.reports].map(
      (name): TopicSpec => ({
        name: deadLetterTopic(name),
        kept: { kind: 'time', retentionMs: 30 * dayMs },
      }),
    ),
  ];
}

/** A queue of one partition with its dead letters, beside those of the system. */
const furtherSpecs = (name: string): readonly TopicSpec[] => [
  queue(name),
  { name: deadLetterTopic(name), kept: { kind: 'time', retentionMs: 30 * dayMs } },
];

const isDeadLetter = (spec: TopicSpec): boolean => spec.name.endsWith('.dlq');

function configOf(
  spec: TopicSpec,
  options: TopicOptions,
): { readonly name: string; readonly value: string }[] {
  const shared = {
    // A majority of the replicas acknowledges: with three, one broker may be away.
    'min.insync.replicas': String(Math.max(1, Math.ceil(options.replicationFactor / 2))),
    'compression.type': 'producer',
    'max.message.bytes': '1048588',
  };
  const own: Record<string, string> =
    spec.kept.kind === 'compacted'
      ? {
          'cleanup.policy': 'compact',
          // Rolled daily, so that old values go; a reader that was away for less than a week sees each tombstone.
          'segment.ms': String(dayMs),
          'segment.bytes': '67108864',
          'min.cleanable.dirty.ratio': '0.2',
          'delete.retention.ms': String(7 * dayMs),
        }
      : {
          'cleanup.policy': 'delete',
          'retention.ms': String(spec.kept.retentionMs),
          'segment.ms': String(dayMs),
          'segment.bytes': isDeadLetter(spec) ? '67108864' : '268435456',
        };
  return Object.entries({ ...shared, ...own }).map(([name, value]) => ({ name, value }));
}

const realtimeShards: ReadonlySet<string> = new Set(isps.map((isp) => shardTopic('realtime', isp)));

/** One partition is enough for dead letters; compacted tables are small and every process reads all of them. */
function partitionsOf(spec: TopicSpec, options: TopicOptions): number {
  if (isDeadLetter(spec) || options.queues?.includes(spec.name)) return 1;
  if (spec.kept.kind === 'compacted') return Math.min(options.partitions, 4);
  return (realtimeShards.has(spec.name) ? options.realtimePartitions : undefined) ?? options.partitions;
}

/** Creates what is missing, and adds partitions where there are fewer than asked for. Safe from several processes at once. */
export async function createTopics(admin: Admin, prefix: string, options: TopicOptions): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const further = options.queues ?? [];
  const specs = [
    ...topicSpecs().filter((spec) => options.only?.includes(spec.name) ?? true),
    ...further.flatMap(furtherSpecs),
  ];
  const missing = specs.filter((spec) => !existing.has(prefix + spec.name));
  if (missing.length > 0) {
    await admin.createTopics({
      waitForLeaders: false,
      timeout: createWithinMs,
      topics: missing.map(
        (spec): ITopicConfig => ({
          topic: prefix + spec.name,
          numPartitions: partitionsOf(spec, options),
          replicationFactor: options.replicationFactor,
          configEntries: configOf(spec, options),
        }),
      ),
    });
    await untilLed(
      admin,
      missing.map((spec) => prefix + spec.name),
    );
  }
  const present = specs.filter((spec) => existing.has(prefix + spec.name) && spec.kept.kind === 'time');
  const short = await withTooFewPartitions(admin, prefix, present, options);
  if (short.length === 0) return;
  try {
    await admin.createPartitions({ topicPartitions: [...short] });
  } catch (error) {
    // Another process may have added them in between.
    if ((await withTooFewPartitions(admin, prefix, present, options)).length > 0) throw error;
  }
}

/**
 * Waits until every partition has a leader. A broker that has just started may not know for a moment what it has
 * created itself, and kafkajs's own wait takes that for a failure.
 */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  const giveUpAt = performance.now() + createWithinMs;
  for (;;) {
    try {
      const { topics: described } = await admin.fetchTopicMetadata({ topics });
      if (described.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      if (!isNotYet(error) || performance.now() > giveUpAt) throw error;
    }
    if (performance.now() > giveUpAt)
      throw new KafkaUnavailableError(
        `Topics that were created have no leader after ${createWithinMs / 1_000} s.`,
      );
    await sleep(50);
  }
}

const isNotYet = (thrown: unknown): boolean => {
  const { error } = failureOf(thrown);
  return (
    'type' in error && (error.type === 'UNKNOWN_TOPIC_OR_PARTITION' || error.type === 'LEADER_NOT_AVAILABLE')
  );
};

async function withTooFewPartitions(
  admin: Admin,
  prefix: string,
  specs: readonly TopicSpec[],
  options: TopicOptions,
): Promise<readonly { readonly topic: string; readonly count: number }[]> {
  if (specs.length === 0) return [];
  const { topics: described } = await admin.fetchTopicMetadata({
    topics: specs.map((spec) => prefix + spec.name),
  });
  const partitions = new Map(described.map((topic) => [topic.name, topic.partitions.length]));
  return specs
    .map((spec) => ({ topic: prefix + spec.name, count: partitionsOf(spec, options) }))
    .filter(({ topic, count }) => (partitions.get(topic) ?? count) < count);
}
