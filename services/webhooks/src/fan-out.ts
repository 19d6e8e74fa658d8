/**
 * Events into the queues of the endpoints that want them. Those of one message stand in one partition of mail.events and
 * go on in its order; a queue has one partition, so that its order is theirs.
 */
import { topics, type WebhookEndpoint, webhookTypeOf } from '@millrace/core';
import type { Held, Kafka, Producer, WindowedConsumer } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';

export interface Subscriber {
  readonly endpoint: WebhookEndpoint;
  /** Events from before are not for it, ms since the epoch. */
  readonly since: number;
}

export interface FanOut {
  readonly consumer: WindowedConsumer;
  /** Events put into queues: one for each endpoint. */
  queued(): number;
}

const fanOutGroup = 'webhooks-fan-out';

export async function startFanOut(
  kafka: Kafka,
  producer: Producer,
  subscribers: readonly Subscriber[],
): Promise<FanOut> {
  const byTenant = Map.groupBy(subscribers, ({ endpoint }) => endpoint.tenant);
  let queued = 0;
  const targetsOf = ({ tenant, kind, time }: MessageEvent): readonly string[] => {
    const candidates = byTenant.get(tenant);
    const type = candidates === undefined ? undefined : webhookTypeOf(kind);
    if (candidates === undefined || type === undefined || type === 'webhook.test') return [];
    return candidates
      .filter(({ endpoint, since }) => time >= since && endpoint.types.has(type))
      .map(({ endpoint }) => endpoint.topic);
  };
  const handOn = async (held: Held<MessageEvent>, targets: readonly string[]): Promise<void> => {
    const record = { key: held.value.message_id, value: held.bytes };
    await Promise.all(targets.map((topic) => producer.sendBytes(topic, record)));
    queued += targets.length;
    held.complete();
  };
  const handle = (held: Held<MessageEvent>): void | Promise<void> => {
    const targets = targetsOf(held.value);
    if (targets.length > 0) return handOn(held, targets);
    held.complete();
  };
  const consumer = await kafka.windowedConsumer({
    group: fanOutGroup,
    topics: [topics.events],
    record: 'MessageEvent',
    // Not from the latest: what is written while the group first comes together would be lost.
    startAt: 'earliest',
    fetch: { minBytes: 16_384, maxWaitMs: 250 },
    window: { records: 1_000, bytes: 1_048_576 },
    totalBytes: 8_388_608,
    handler: handle,
  });
  return { consumer, queued: () => queued };
}
