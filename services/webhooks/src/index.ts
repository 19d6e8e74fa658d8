/** Events of messages to the endpoints of their tenants. */
export { type StartWebhooksOptions, startWebhookService } from './start-webhooks.ts';
export { startWebhooks, type Webhooks, type WebhooksOptions, type WebhooksStats } from './webhooks.ts';
