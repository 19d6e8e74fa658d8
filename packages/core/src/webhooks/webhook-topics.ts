/** Topics of webhooks. Each endpoint has a queue of its own: what one does not take stays there, and is in nobody's way. */

export const webhookTopics = {
  /** Every try, for 7 days. */
  log: 'mail.webhooks.log',
  /** Compacted: since when an endpoint is known, and which of its messages wait in delay tiers. */
  state: 'mail.webhooks.state',
} as const;

/** How an endpoint is called in logs, metrics and commands: `acme/orders`. */
export const endpointId = (tenant: string, name: string): string => `${tenant}/${name}`;

/** The queue of an endpoint. A tenant's name may hold dots, an endpoint's does not, so that no two spell alike. */
export const endpointTopic = (tenant: string, name: string): string => `mail.webhook.${tenant}.${name}`;

/** Key in the state topic: of the endpoint itself, or of one of its messages. */
export const webhookStateKey = (endpoint: string, messageId: string): string =>
  messageId === '' ? endpoint : `${endpoint} ${messageId}`;
