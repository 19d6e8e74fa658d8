/** Commits of a group's member: the watermarks of its partitions, soon after something finished; and what was committed before. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Consumer } from 'kafkajs';
import type { Assignment } from './consumer-options.ts';
import { KafkaClosedError } from './errors.ts';
import { failureOf } from './failure.ts';
import type { KafkaLogger } from './log.ts';
import type { Committed, PartitionWindow } from './partition-window.ts';

export interface OffsetCommitterOptions {
  /** Full name. */
  readonly groupId: string;
  /** Put before topics' names. */
  readonly prefix: string;
  readonly consumer: () => Consumer | undefined;
  readonly admin: () => Promise<Admin>;
  readonly windows: () => Iterable<PartitionWindow>;
  /** Longest time between a completion and its commit, ms. */
  readonly intervalMs: number;
  /** What fails is tried again until then. */
  readonly stopping: () => boolean;
  readonly logger: KafkaLogger;
}

const againMs = 500;

/** What a partition goes by in maps. */
export const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

export class OffsetCommitter {
  readonly #options: OffsetCommitterOptions;
  #timer: NodeJS.Timeout | undefined;
  #committing: Promise<void> = Promise.resolve();

  constructor(options: OffsetCommitterOptions) {
    this.#options = options;
  }

  /** Something has finished. */
  schedule(): void {
    this.#timer ??= setTimeout(() => this.commit(), this.#options.intervalMs);
  }

  /** Commits now. Resolves when that was answered, or has failed; never rejects. */
  commit(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#committing = this.#committing.then(() => this.#commitNow());
    return this.#committing;
  }

  /** What the group has committed, by `keyOf`. Throws KafkaClosedError when the consumer stops meanwhile. */
  async committed(assigned: readonly Assignment[]): Promise<ReadonlyMap<string, Committed>> {
    const found = new Map<string, Committed>();
    if (assigned.length === 0) return found;
    const { prefix, groupId, logger } = this.#options;
    const topics = [...new Set(assigned.map(({ topic }) => prefix + topic))];
    for (;;) {
      try {
        const admin = await this.#options.admin();
        for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics })) {
          for (const { partition, offset, metadata } of partitions) {
            if (Number(offset) < 0) continue;
            found.set(keyOf(topic.slice(prefix.length), partition), {
              offset: Number(offset),
              metadata: metadata ?? '',
            });
          }
        }
        return found;
      } catch (error) {
        if (this.#options.stopping()) throw new KafkaClosedError('The consumer');
        logger.warn({ error: failureOf(error).error.message }, 'reading committed offsets again');
        await sleep(againMs);
      }
    }
  }

  async #commitNow(): Promise<void> {
    const { consumer: current, windows, prefix, logger, stopping } = this.#options;
    const commits = [...windows()]
      .filter((window) => window.dirty)
      .map((window) => ({ window, committed: window.toCommit() }));
    const consumer = current();
    if (commits.length === 0 || consumer === undefined) return;
    for (const { window } of commits) window.dirty = false;
    try {
      await consumer.commitOffsets(
        commits.map(({ window, committed }) => ({
          topic: prefix + window.topic,
          partition: window.partition,
          offset: String(committed.offset),
          metadata: committed.metadata,
        })),
      );
      for (const { window, committed } of commits) window.committedTo(committed);
    } catch (error) {
      // The group is rebalancing, or the broker is away: what is still ours is committed after that.
      logger.debug({ error: failureOf(error).error.message }, 'a commit failed');
      for (const { window } of commits) window.dirty = true;
      if (!stopping()) this.schedule();
    }
  }
}
