/**
 * Who in a group reads which partition: each topic's partitions spread evenly over its members, or over a limited
 * number of them (no more workers than an ISP has connections), and a partition stays where it is if that is even.
 */
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

/** A partition, by its full topic name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A member of the group as it asks to join. */
export interface GroupMember {
  readonly id: string;
  readonly topics: readonly string[];
  /** What it reads now. */
  readonly owned: readonly TopicPartition[];
}

export interface AssignmentRules {
  /** Partitions of each topic. */
  readonly partitions: ReadonlyMap<string, readonly number[]>;
  /** Most members that share a topic. */
  readonly maxMembers: (topic: string) => number;
}

/** Pure: every partition of every topic that a member subscribes to goes to exactly one such member. */
export function assignPartitions(
  members: readonly GroupMember[],
  rules: AssignmentRules,
): ReadonlyMap<string, readonly TopicPartition[]> {
  const assigned = new Map<string, TopicPartition[]>(members.map((member) => [member.id, []]));
  const load = (member: GroupMember): number => assigned.get(member.id)?.length ?? 0;
  for (const topic of [...rules.partitions.keys()].sort()) {
    const partitions = rules.partitions.get(topic) ?? [];
    const ownedHere = (member: GroupMember): number =>
      member.owned.reduce((count, owned) => count + (owned.topic === topic ? 1 : 0), 0);
    const limit = Math.min(partitions.length, Math.max(1, Math.floor(rules.maxMembers(topic))));
    const sharing = members
      .filter((member) => member.topics.includes(topic))
      .sort((a, b) => load(a) - load(b) || ownedHere(b) - ownedHere(a) || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
    const taken = new Map<string, number>(sharing.map((member) => [member.id, 0]));
    const count = (member: GroupMember): number => taken.get(member.id) ?? 0;
    const give = (member: GroupMember, partition: number): void => {
      assigned.get(member.id)?.push({ topic, partition });
      taken.set(member.id, count(member) + 1);
    };
    const quota = Math.ceil(partitions.length / Math.max(1, sharing.length));
    const left: number[] = [];
    for (const partition of partitions) {
      const owner = sharing.find(
        (member) =>
          count(member) < quota &&
          member.owned.some((owned) => owned.topic === topic && owned.partition === partition),
      );
      if (owner === undefined) left.push(partition);
      else give(owner, partition);
    }
    for (const partition of left) {
      const least = sharing.reduce<GroupMember | undefined>(
        (best, member) =>
          best === undefined ||
          count(member) < count(best) ||
          (count(member) === count(best) && load(member) < load(best))
            ? member
            : best,
        undefined,
      );
      if (least !== undefined) give(least, partition);
    }
  }
  return assigned;
}

const version = 1;

/** What a member says of itself when it joins; an unreadable text counts as nothing. */
function parseOwned(userData: Buffer): readonly TopicPartition[] {
  if (userData.length === 0) return [];
  try {
    const parsed: unknown = JSON.parse(userData.toString());
    if (typeof parsed !== 'object' || parsed === null) return [];
    return Object.entries(parsed).flatMap(([topic, partitions]) =>
      Array.isArray(partitions)
        ? partitions.filter(Number.isInteger).map((partition) => ({ topic, partition }))
        : [],
    );
  } catch {
    return [];
  }
}

function byTopic(partitions: readonly TopicPartition[]): Record<string, number[]> {
  const topics: Record<string, number[]> = {};
  for (const { topic, partition } of partitions) {
    topics[topic] ??= [];
    topics[topic].push(partition);
  }
  return topics;
}

/** The assigner for kafkajs; `owned` tells what this member reads when the group is formed anew. */
export const stickyAssigner =
  (options: {
    readonly owned: () => readonly TopicPartition[];
    readonly maxMembers: (topic: string) => number;
  }): PartitionAssigner =>
  ({ cluster }) => ({
    name: 'MillraceSticky',
    version,
    protocol: ({ topics }) => ({
      name: 'MillraceSticky',
      metadata: AssignerProtocol.MemberMetadata.encode({
        version,
        topics,
        userData: Buffer.from(JSON.stringify(byTopic(options.owned()))),
      }),
    }),
    async assign({ members }) {
      const known = members.map(({ memberId, memberMetadata }): GroupMember => {
        const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
        return {
          id: memberId,
          topics: metadata?.topics ?? [],
          owned: parseOwned(metadata?.userData ?? Buffer.alloc(0)),
        };
      });
      const topics = [...new Set(known.flatMap((member) => member.topics))];
      await cluster.addMultipleTargetTopics(topics);
      const partitions = new Map(
        topics.map((topic) => [
          topic,
          cluster
            .findTopicPartitionMetadata(topic)
            .map(({ partitionId }) => partitionId)
            .sort((a, b) => a - b),
        ]),
      );
      const assigned = assignPartitions(known, { partitions, maxMembers: options.maxMembers });
      return [...assigned].map(([memberId, own]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({
          version,
          assignment: byTopic(own),
          userData: Buffer.alloc(0),
        }),
      }));
    },
  });
