/** An event as it stands in an endpoint's queue, with what its headers say of its way there. */
import { type WebhookType, webhookEventJson, webhookTypeOf } from '@millrace/core';
import type { Held } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';

/** Record headers of a queue. */
export const queueHeaders = {
  /** How often the event has waited in delay tiers; absent: it comes for the first time. */
  delays: 'millrace-webhook-delays',
  /** When it first came into the queue, ms since the epoch. */
  since: 'millrace-webhook-since',
  /** Somebody asked for it once more: it is posted although it may have been before. */
  replay: 'millrace-webhook-replay',
} as const;

export interface QueuedEvent {
  readonly held: Held<MessageEvent>;
  readonly id: string;
  readonly messageId: string;
  readonly type: WebhookType;
  /** As it is posted. */
  readonly json: string;
  readonly delays: number;
  /** ms since the epoch. */
  readonly since: number;
  readonly replay: boolean;
  /** How often it was not taken since it came into hand. */
  failures: number;
}

/** undefined: events of its kind are not posted. */
export const queuedEvent = (held: Held<MessageEvent>): QueuedEvent | undefined => {
  const { value: event, headers, timestamp } = held;
  const type = webhookTypeOf(event.kind);
  const json = webhookEventJson(event);
  if (type === undefined || json === undefined) return undefined;
  const number = (name: string): number | undefined => {
    const value = Number(headers[name]?.toString());
    return Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  return {
    held,
    id: event.event_id,
    messageId: event.message_id,
    type,
    json,
    delays: number(queueHeaders.delays) ?? 0,
    since: number(queueHeaders.since) ?? timestamp,
    replay: headers[queueHeaders.replay] !== undefined,
    failures: 0,
  };
};
