/**
 * Whether what is unfinished comes near to being deleted: the oldest unfinished record of a partition has used a share of
 * its topic's retention. Asked of the cluster, so that it is seen also where nobody consumes; no record is read.
 */
import { delayTiers, delayTopic, isps, requestTopic, routerGroup, shardTopic, streams } from '@millrace/core';
import kafkajs, { type Admin } from 'kafkajs';
import { readLag } from './cluster.ts';
import type { TopicLag } from './kafka.ts';
import { topicOffsets } from './topic-offsets.ts';

/** Unfinished records of one group in one topic that are too old. */
export interface RetentionAlarm {
  /** Without the installation's prefix. */
  readonly group: string;
  readonly topic: string;
  /** How long the topic keeps a record, ms. */
  readonly retentionMs: number;
  /** Unfinished records older than the share of it that was asked for. */
  readonly records: number;
  /** Unfinished records that are deleted already. */
  readonly lost: number;
}

/** Every group that messages wait for, and where. */
const queues: readonly { readonly group: string; readonly topics: readonly string[] }[] = [
  ...streams.map((stream) => ({ group: routerGroup(stream), topics: [requestTopic(stream)] })),
  ...streams.map((stream) => ({
    group: `delivery-${stream}`,
    topics: isps.map((isp) => shardTopic(stream, isp)),
  })),
  { group: 'scheduler', topics: delayTiers.map(delayTopic) },
];

/** `share`: from 0 to 1. `now`: ms since the epoch. Topics that are not there are left out. */
export async function readRetention(
  admin: Admin,
  prefix: string,
  share: number,
  now: number,
): Promise<readonly RetentionAlarm[]> {
  const present = new Set(await admin.listTopics());
  const lags = await Promise.all(
    queues.map(({ group, topics }) => {
      const there = topics.filter((topic) => present.has(prefix + topic));
      return there.length === 0 ? [] : readLag(admin, prefix, { groups: [group], topics: there });
    }),
  );
  const waiting = lags.flat().filter(({ lag }) => lag > 0);
  if (waiting.length === 0) return [];
  const kept = await retentionOf(
    admin,
    waiting.map(({ topic }) => prefix + topic),
  );
  const alarms: RetentionAlarm[] = [];
  for (const lag of waiting) {
    const retentionMs = kept.get(prefix + lag.topic);
    if (retentionMs === undefined) continue;
    const { records, lost } = await olderThan(admin, prefix, lag, now - share * retentionMs);
    if (records + lost > 0) alarms.push({ group: lag.group, topic: lag.topic, retentionMs, records, lost });
  }
  return alarms;
}

/** `retention.ms` by topic; one that keeps everything is left out. */
async function retentionOf(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
      configNames: ['retention.ms'],
    })),
  });
  const kept = new Map<string, number>();
  for (const { resourceName, configEntries } of resources) {
    const ms = Number(configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue);
    if (ms > 0) kept.set(resourceName, ms);
  }
  return kept;
}

async function olderThan(
  admin: Admin,
  prefix: string,
  lag: TopicLag,
  time: number,
): Promise<Pick<RetentionAlarm, 'records' | 'lost'>> {
  const topic = prefix + lag.topic;
  const [kept, younger] = await Promise.all([
    topicOffsets(admin, topic),
    admin.fetchTopicOffsetsByTimestamp(topic, Math.floor(time)),
  ]);
  let records = 0;
  let lost = 0;
  for (const { partition, low, high } of kept) {
    const committed = lag.partitions.find((one) => one.partition === partition)?.committed ?? null;
    const from = Math.max(low, committed ?? low);
    const found = Number(younger.find((one) => one.partition === partition)?.offset ?? low);
    // None is younger: everything there is is older.
    const firstYounger = found < 0 ? high : Math.min(found, high);
    records += Math.max(0, firstYounger - from);
    lost += committed === null ? 0 : Math.max(0, low - committed);
  }
  return { records, lost };
}
