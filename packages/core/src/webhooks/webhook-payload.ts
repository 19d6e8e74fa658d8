/**
 * What is posted: `{"version": 1, "events": [...]}`, each event with the fields of its type. Fields may be added within a
 * version; one that is renamed, removed or changes its meaning is a new version. docs/webhooks.schema.json describes each type.
 */
import type { MessageEvent } from '@millrace/schemas';
import { type WebhookType, webhookTypeOf } from './webhook-types.ts';

export const webhookVersion = 1;

/** Groups of fields that types share, beside those that every type has. */
export type FieldGroup = 'try' | 'answer' | 'way' | 'delivered' | 'next' | 'reason' | 'late' | 'shaped';

/** What each type says of its message. */
export const fieldGroups: Readonly<Record<WebhookType, readonly FieldGroup[]>> = {
  'message.accepted': [],
  'message.routed': ['way'],
  'message.deferred': ['way', 'try', 'answer', 'reason', 'next'],
  'message.delivered': ['way', 'try', 'answer', 'delivered'],
  'message.bounced': ['way', 'try', 'answer', 'reason', 'late'],
  'message.expired': ['way', 'try', 'answer', 'reason'],
  'message.suppressed': ['answer', 'reason'],
  'message.rejected': ['answer', 'reason'],
  'message.cancelled': ['way', 'answer'],
  'message.complained': ['way', 'answer', 'reason'],
  'message.unsubscribed': ['answer', 'reason'],
  'message.auto_replied': ['way', 'answer'],
  'sending.shaped': ['way', 'answer', 'shaped'],
  'sending.spike': ['way', 'answer', 'shaped'],
  'webhook.test': [],
};

const iso = (ms: number): string => new Date(ms).toISOString();

const groupOf = (group: FieldGroup, event: MessageEvent): object => {
  switch (group) {
    case 'way':
      return { isp: event.isp, pool: event.pool, source: event.source };
    case 'try':
      return { attempt: event.attempt, mx: event.mx, phase: event.phase };
    case 'answer':
      return {
        reply_code: event.reply_code,
        enhanced_code: event.enhanced_code,
        text: event.text,
      };
    case 'reason':
      return { reason: event.bounce_category };
    case 'late':
      return { late: event.kind === 'bounced_late' };
    case 'delivered':
      return {
        latency_ms: event.latency_ms,
        size_bytes: event.size_bytes,
        tls: event.tls?.protocol ?? null,
      };
    case 'next':
      return { next_attempt_at: event.next_attempt_at === null ? null : iso(event.next_attempt_at) };
    case 'shaped':
      return {
        rule: event.metadata.rule ?? '',
        scope: event.metadata.scope ?? '',
        until: event.metadata.until || null,
        acted: event.metadata.acted !== 'false',
        alert: event.metadata.alert ?? null,
      };
    default:
      return group satisfies never;
  }
};

/** One event of a request's body, as JSON text; undefined: events of its kind are not posted. */
export const webhookEventJson = (event: MessageEvent): string | undefined => {
  const type = webhookTypeOf(event.kind);
  if (type === undefined) return undefined;
  const groups = fieldGroups[type].map((group) => groupOf(group, event));
  const data: object = Object.assign(
    {
      message_id: event.message_id,
      request_id: event.request_id,
      stream: event.stream,
      category: event.category,
      campaign: event.campaign,
      recipient: event.recipient,
      tags: event.tags,
      metadata: type.startsWith('sending.') ? {} : event.metadata,
    },
    ...groups,
  );
  return JSON.stringify({ id: event.event_id, type, timestamp: iso(event.time), data });
};

/** The body of a request. `events`: each as `webhookEventJson` has it. */
export const webhookBody = (events: readonly string[]): string =>
  `{"version":${webhookVersion},"events":[${events.join(',')}]}`;
