/** Events of mail.events: all of one message, or as they come. */
import { type MessageId, messageIdTime, topics } from '@millrace/core';
import type { Kafka, ReadRecord } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';
import { formatMs } from './duration.ts';
import { interrupted as interruptedBy, tooLateFor, within } from './patience.ts';

/** Clocks of the machines that write events may differ by this much. */
const clockMarginMs = 60_000;

/** After one of these a message is not tried again. */
const finalKinds: ReadonlySet<string> = new Set([
  'delivered',
  'bounced',
  'expired',
  'suppressed',
  'rejected',
  'cancelled',
]);

export const isFinal = (event: Pick<MessageEvent, 'kind'>): boolean => finalKinds.has(event.kind);

/** How a scan of the topic is bounded. */
export interface ScanLimits {
  /** Where to start, ms since the epoch. */
  readonly from: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** No event of a message is older than its id. */
export const scanStart = (id: MessageId, now: number): number =>
  Math.max(0, Math.min(messageIdTime(id), now) - clockMarginMs);

/**
 * Every event of one message up to now, by time; an event that was emitted again is there once. Reads the partition of
 * its key; where that has none, all partitions: the topic may have grown since. Throws CliError when it takes too long.
 */
export async function readLife(
  kafka: Kafka,
  id: MessageId,
  limits: ScanLimits,
): Promise<readonly MessageEvent[]> {
  const found = await scan(kafka, { key: id }, id, limits);
  return found.length > 0 ? found : scan(kafka, {}, id, limits);
}

async function scan(
  kafka: Kafka,
  part: { readonly key?: string },
  id: MessageId,
  limits: ScanLimits,
): Promise<readonly MessageEvent[]> {
  const found = new Map<string, MessageEvent>();
  const tail = await kafka.tail({
    topic: topics.events,
    record: 'MessageEvent',
    from: limits.from,
    ...part,
    onRecord: ({ value }) => {
      if (value.message_id === id && !found.has(value.event_id)) found.set(value.event_id, value);
    },
  });
  try {
    await within(tail.caughtUp(), limits.timeoutMs, limits.signal, () =>
      tooLateFor(
        `The events since then could not be read`,
        formatMs(limits.timeoutMs),
        'Give a longer --timeout, or a later --since.',
      ),
    );
  } finally {
    await tail.stop();
  }
  return [...found.values()].sort((a, b) => a.time - b.time);
}

export interface Following {
  readonly from: 'latest' | number;
  readonly key?: string;
  /** An event that was emitted again comes twice. True: enough. */
  readonly onEvent: (event: MessageEvent, record: ReadRecord<MessageEvent>) => boolean;
  /** Absent: as long as it takes. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** Reads along. True: it had enough; false: the time was over. Throws InterruptedError when the signal aborts. */
export async function followEvents(kafka: Kafka, options: Following): Promise<boolean> {
  let enough: (value: boolean) => void = () => undefined;
  const over = new Promise<boolean>((resolve) => {
    enough = resolve;
  });
  let done = false;
  const tail = await kafka.tail({
    topic: topics.events,
    record: 'MessageEvent',
    from: options.from,
    ...(options.key === undefined ? {} : { key: options.key }),
    onRecord: (record) => {
      if (done || !options.onEvent(record.value, record)) return;
      done = true;
      enough(true);
    },
  });
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(() => enough(false), options.timeoutMs);
  const ended = new AbortController();
  try {
    return await Promise.race([over, interruptedBy(options.signal, ended.signal)]);
  } finally {
    clearTimeout(timer);
    ended.abort();
    await tail.stop();
  }
}
