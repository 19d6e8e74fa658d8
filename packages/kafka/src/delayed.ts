/** Putting a record off: it waits in a delay tier and then goes on to its topic as it is. */
import { delayHop, delayTiers, delayTopic } from '@millrace/core';
import type { Producer } from './producer.ts';
import type { HeadersToSend } from './record-headers.ts';

export interface RecordToDelay {
  readonly messageId: string;
  /** Not before, ms since the epoch; a part of a millisecond counts as a whole one. A time that has come still takes one trip through the shortest tier. */
  readonly dueAt: number;
  /** Now, ms since the epoch. */
  readonly now: number;
  /** Topic without the installation's prefix. */
  readonly targetTopic: string;
  readonly key: string | Buffer;
  /** Encoded record for the target topic: `codec.encode(...)`, or a held record's `bytes`. */
  readonly value: Buffer;
  readonly stream: string;
  /** retry, dns_failure, lane_busy, send_at, template_missing. */
  readonly reason: string;
  /** Go along to the target topic, `traceparent` included. */
  readonly headers?: HeadersToSend;
}

/** Resolves when the record is in its tier, acknowledged. Only then complete what it was made from. */
export function enqueueDelayed(producer: Producer, record: RecordToDelay): Promise<void> {
  const tier = delayHop(record.dueAt, record.now) ?? delayTiers[0];
  if (tier === undefined) throw new RangeError('There are no delay tiers.');
  return producer.send('DelayedTask', delayTopic(tier), {
    key: record.messageId,
    value: {
      message_id: record.messageId,
      due_at: Math.ceil(record.dueAt),
      enqueued_at: Math.floor(record.now),
      target_topic: record.targetTopic,
      key: typeof record.key === 'string' ? Buffer.from(record.key) : record.key,
      value: record.value,
      stream: record.stream,
      reason: record.reason,
    },
    ...(record.headers === undefined ? {} : { headers: record.headers }),
  });
}
