/** First and next offsets of a topic's partitions. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { failureOf } from './failure.ts';

const tries = 20;
const waitMs = 150;

export interface PartitionOffsets {
  readonly partition: number;
  /** The first that is kept. */
  readonly low: number;
  /** The next to be written. */
  readonly high: number;
}

/**
 * Asks again for some seconds where a partition has no leader yet, as just after its topic was made or a broker died:
 * kafkajs's own retries leave that error out. Throws KafkaJS errors.
 */
export async function topicOffsets(admin: Admin, topic: string): Promise<readonly PartitionOffsets[]> {
  for (let left = tries; ; left -= 1) {
    try {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
    } catch (error) {
      if (failureOf(error).kind !== 'unavailable' || left === 0) throw error;
      await sleep(waitMs);
    }
  }
}
