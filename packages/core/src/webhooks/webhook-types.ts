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

const byKind: ReadonlyMap<string, WebhookType> = new Map(
  webhookTypes.map((type) => [type.slice(type.indexOf('.') + 1), type]),
);

/** The type of an event of this kind; undefined: it is not posted. */
export const webhookTypeOf = (kind: string): WebhookType | undefined => byKind.get(kind);
