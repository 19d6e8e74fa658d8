/** Names of what is posted to endpoints, and which event has which. */

/** Every type, in the order of a message's life. */
export const webhookTypes = [
  'message.accepted',
  'message.routed',
  'message.deferred',
  'message.delivered',
  'message.bounced',
  'message.expired',
  'message.suppressed',
  'message.rejected',
  'message.cancelled',
  'message.complained',
  'message.unsubscribed',
  'message.auto_replied',
  'sending.shaped',
  'sending.spike',
  'webhook.test',
] as const;

export type WebhookType = (typeof webhookTypes)[number];

/** Types that an endpoint may ask for; a test comes whether it was asked for or not. */
export const subscribableTypes: readonly WebhookType[] = webhookTypes.filter(
  (type) => type !== 'webhook.test',
);

/** What an endpoint gets that names none: what came of messages, not their way there. */
export const usualTypes: readonly WebhookType[] = subscribableTypes.filter(
  (type) => type !== 'message.accepted' && type !== 'message.routed',
);

/** Every kind of the schema of MessageEvent has its type. A bounce is a bounce whenever it comes; its data says whether late. */
const typeByKind = {
  accepted: 'message.accepted',
  routed: 'message.routed',
  deferred: 'message.deferred',
  delivered: 'message.delivered',
  bounced: 'message.bounced',
  bounced_late: 'message.bounced',
  expired: 'message.expired',
  suppressed: 'message.suppressed',
  rejected: 'message.rejected',
  cancelled: 'message.cancelled',
  complained: 'message.complained',
  unsubscribed: 'message.unsubscribed',
  auto_replied: 'message.auto_replied',
  shaped: 'sending.shaped',
  spike: 'sending.spike',
  test: 'webhook.test',
} as const satisfies Readonly<Record<string, WebhookType>>;

const byKind: ReadonlyMap<string, WebhookType> = new Map(Object.entries(typeByKind));

/** Kinds of events that are posted, `test` among them, which only `millrace webhook test` makes. */
export const postedKinds: readonly string[] = [...byKind.keys()];

/** The type of an event of this kind; undefined: it is not posted. */
export const webhookTypeOf = (kind: string): WebhookType | undefined => byKind.get(kind);
