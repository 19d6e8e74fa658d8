/** Questions to the cluster: how far groups are behind, and what it says of itself. */
import type { Admin } from 'kafkajs';
import type { ClusterFacts, TopicLag } from './kafka.ts';
import { topicOffsets } from './topic-offsets.ts';

export interface LagFilter {
  readonly groups?: readonly string[];
  readonly topics?: readonly string[];
}

/** Lag of every (group, topic) that has committed offsets. Names with the prefix go in, names without come out. */
export async function readLag(admin: Admin, prefix: string, filter: LagFilter): Promise<readonly TopicLag[]> {
  const groups =
    filter.groups ??
    (await admin.listGroups()).groups
      .map(({ groupId }) => groupId)
      .filter((id) => id.startsWith(prefix))
      .map((id) => id.slice(prefix.length));
  const lags: TopicLag[] = [];
  const ends = new Map<string, Promise<ReadonlyMap<number, number>>>();
  const endsOf = (topic: string): Promise<ReadonlyMap<number, number>> => {
    let found = ends.get(topic);
    if (found === undefined) {
      found = topicOffsets(admin, topic).then(
        (offsets) => new Map(offsets.map(({ partition, high }) => [partition, high])),
      );
      ends.set(topic, found);
    }
    return found;
  };
  for (const group of groups) {
    const topics = filter.topics?.map((topic) => prefix + topic);
    const offsets = await admin.fetchOffsets({
      groupId: prefix + group,
      ...(topics === undefined ? {} : { topics }),
    });
    for (const { topic, partitions } of offsets) {
      if (!topic.startsWith(prefix)) continue;
      const end = await endsOf(topic);
      const rows = partitions
        .map(({ partition, offset }) => {
          const last = end.get(partition) ?? 0;
          const committed = Number(offset) < 0 ? null : Number(offset);
          return { partition, committed, end: last, lag: Math.max(0, last - (committed ?? 0)) };
        })
        .sort((a, b) => a.partition - b.partition);
      lags.push({
        group,
        topic: topic.slice(prefix.length),
        lag: rows.reduce((sum, row) => sum + row.lag, 0),
        partitions: rows,
      });
    }
  }
  return lags;
}

/** Brokers, controller and this installation's topics. */
export async function readClusterFacts(admin: Admin, prefix: string): Promise<ClusterFacts> {
  const [cluster, topics] = await Promise.all([admin.describeCluster(), admin.listTopics()]);
  return {
    clusterId: cluster.clusterId,
    controller: cluster.controller,
    brokers: cluster.brokers,
    topics: topics.filter((topic) => topic.startsWith(prefix)).map((topic) => topic.slice(prefix.length)),
  };
}
