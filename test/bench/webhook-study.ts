/** What the tenant's endpoint of the bench took, against what mail.events says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { subscribableTypes, topics, type WebhookType, webhookTypeOf } from '@millrace/core';
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { loadConfig } from '@millrace/service';
import type { Pipeline } from '../../infra/pipeline/pipeline.ts';
import type { WebhookReceiver, WebhookTally } from '../rig/webhook-receiver.ts';

/** What came of messages, and that they were taken: two events of each message at least. */
export const benchTypes: readonly WebhookType[] = subscribableTypes.filter(
  (type) => type.startsWith('message.') && type !== 'message.routed',
);

export interface WebhookFigures extends WebhookTally {
  /** Until all were there, from the call on, ms. */
  readonly settledMs: number;
}

/** Waits until every event is there, or none has come for `quietMs`. */
export async function settledWebhooks(
  { endpoints, configurationFile }: Pipeline,
  receiver: WebhookReceiver,
  quietMs = 60_000,
): Promise<WebhookFigures> {
  const began = Date.now();
  const config = loadConfig({
    file: configurationFile,
    env: {
      ...process.env,
      KAFKA_BROKERS: endpoints.kafka,
      SCHEMA_REGISTRY_URL: endpoints.registry,
      REDIS_URL: endpoints.redis,
    },
  });
  const kafka = await connectKafka(kafkaOptionsOf(config, 'bench'));
  try {
    await kafka.registerSchemas();
    const expected = new Map<string, Set<string>>();
    const types = new Set<WebhookType>(benchTypes);
    const tail = await kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from: 'earliest',
      onRecord: ({ value: { kind, message_id: message, event_id: id } }) => {
        const type = webhookTypeOf(kind);
        if (type === undefined) throw new Error(`Events of the kind ${kind} are not posted`);
        if (!types.has(type)) return;
        const ids = expected.get(message) ?? new Set();
        expected.set(message, ids.add(id));
      },
    });
    await tail.caughtUp();
    let [seen, seenAt] = [-1, Date.now()];
    for (;;) {
      const tally = receiver.tally(expected);
      if (receiver.events > seen) [seen, seenAt] = [receiver.events, Date.now()];
      if (tally.missing === 0 || Date.now() - seenAt > quietMs)
        return { ...tally, settledMs: Date.now() - began };
      await sleep(500);
    }
  } finally {
    await kafka.stop();
  }
}

export const webhookLines = (figures: WebhookFigures): readonly string[] => [
  `webhooks             ${figures.expected} events expected, ${figures.received} received, ${figures.missing} missing, ${figures.unexpected} unexpected`,
  `                     ${figures.duplicates} duplicates, ${figures.orderViolations} out of order, ${figures.forged} with a wrong signature`,
  `                     ${figures.requests} requests, ${figures.refused} of them refused; all there ${figures.settledMs} ms after the rest`,
];
