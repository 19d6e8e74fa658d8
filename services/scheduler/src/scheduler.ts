/**
 * Delay tiers back to their topics. A tier's records stand in a window, each with its own due time; what does not fit
 * into the window is due later anyway, because in one tier every record waits equally long, and stays in Kafka.
 */
import { type DelayTier, delayHop, delayTiers, delayTopic, releaseAt } from '@millrace/core';
import { enqueueDelayed, type Held, type Kafka, type KafkaLogger, type Producer } from '@millrace/kafka';
import type { DelayedTask } from '@millrace/schemas';
import { DueQueue } from './due-queue.ts';

export interface SchedulerOptions {
  readonly kafka: Kafka;
  readonly logger: KafkaLogger;
  /** The clock, ms since the epoch. Default: the machine's. */
  readonly now?: () => number;
}

/** What a scheduler has done and is waiting with. */
export interface SchedulerStats {
  /** Records in memory, waiting for their time. */
  readonly waiting: number;
  /** Handed to their target topics. */
  readonly released: number;
  /** Put into a shorter tier. */
  readonly hopped: number;
  /** Sent to the dead letters. */
  readonly rejected: number;
}

export interface Scheduler {
  stats(): SchedulerStats;
  /** Whether brokers take records and the group has been joined. */
  readonly ready: boolean;
  stop(): Promise<void>;
}

const tiersByTopic: ReadonlyMap<string, DelayTier> = new Map(
  delayTiers.map((tier) => [delayTopic(tier), tier]),
);
/** Longest sleep: a clock that was set forward is noticed by then. */
const longestTimerMs = 1_000;

type HeldTask = Held<DelayedTask>;

/** Starts to read every tier. */
export async function startDelayTiers(options: SchedulerOptions): Promise<Scheduler> {
  const { kafka, logger, now = Date.now } = options;
  const producer = await kafka.producer({ compressAboveBytes: 8_192 });
  const queue = new DueQueue<HeldTask>();
  const moving = new Set<Promise<void>>();
  const counts = { released: 0, hopped: 0, rejected: 0 };
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let stopped = false;
  let joined = false;

  const releaseDue = (): void => {
    timer = undefined;
    timerAt = Number.POSITIVE_INFINITY;
    for (;;) {
      const held = queue.takeDue(now());
      if (held === undefined) break;
      if (held.lost.aborted) continue;
      const move = moveOn(held, producer, now(), counts)
        .catch((error: unknown) => {
          logger.error(
            { error: String(error), message_id: held.value.message_id },
            'a delayed record cannot move on',
          );
        })
        .finally(() => moving.delete(move));
      moving.add(move);
    }
    setTimer();
  };
  const setTimer = (): void => {
    const at = queue.nextAt;
    if (stopped || at === undefined || at >= timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(releaseDue, Math.min(longestTimerMs, Math.max(0, at - now())));
  };

  const consumer = await kafka.windowedConsumer({
    group: 'scheduler',
    topics: [...tiersByTopic.keys()],
    fetch: { minBytes: 16_384, maxWaitMs: 200 },
    record: 'DelayedTask',
    // Wide enough to look past records with longer waits in the shortest tier; the others only need their head.
    window: { records: 3_000, bytes: 8_388_608 },
    totalBytes: 33_554_432,
    // What is not due is not waited for.
    drainMs: 0,
    handler: (held) => {
      const tier = tiersByTopic.get(held.topic);
      const { enqueued_at: enqueuedAt, due_at: dueAt } = held.value;
      queue.add(tier === undefined ? dueAt : releaseAt(tier, enqueuedAt, dueAt), held);
      setTimer();
    },
  });
  consumer.joined().then(
    () => {
      joined = true;
    },
    () => undefined,
  );

  return {
    stats: () => ({ waiting: queue.size, ...counts }),
    get ready() {
      return producer.ready && joined && !stopped;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      queue.clear();
      await Promise.all(moving);
      await consumer.stop();
      await producer.stop();
    },
  };
}

/** To its target topic if it is due, else to the tier that fits what remains. Completed only when that is written. */
async function moveOn(
  held: HeldTask,
  producer: Producer,
  now: number,
  counts: { released: number; hopped: number; rejected: number },
): Promise<void> {
  const { value: task } = held;
  try {
    if (delayHop(task.due_at, now) === undefined) {
      await producer.sendBytes(task.target_topic, {
        key: task.key,
        value: task.value,
        headers: held.headers,
      });
      counts.released += 1;
    } else {
      await enqueueDelayed(producer, {
        messageId: task.message_id,
        dueAt: task.due_at,
        now,
        targetTopic: task.target_topic,
        key: task.key,
        value: task.value,
        stream: task.stream,
        reason: task.reason,
        headers: held.headers,
      });
      counts.hopped += 1;
    }
    held.complete();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ERR_KAFKA_REFUSED' && code !== 'ERR_RECORD_TOO_LARGE') throw error;
    await held.reject(error instanceof Error ? error.message : String(error));
    counts.rejected += 1;
  }
}
