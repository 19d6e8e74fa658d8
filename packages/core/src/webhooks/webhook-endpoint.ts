/** The endpoints that tenants declare. */
import { endpointId, endpointTopic } from './webhook-topics.ts';
import { usualTypes, type WebhookType } from './webhook-types.ts';

/** One endpoint as the configuration has it. */
export interface EndpointSettings {
  readonly url: string;
  readonly secrets: readonly string[];
  readonly events?: readonly WebhookType[];
  readonly enabled: boolean;
  readonly batch_events: number;
  readonly linger_ms: number;
  readonly requests: number;
}

export interface WebhookEndpoint {
  /** `tenant/name`. */
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly topic: string;
  readonly url: string;
  /** `whsec_...`; each of them signs, the first is the newest. */
  readonly secrets: readonly string[];
  readonly types: ReadonlySet<WebhookType>;
  readonly enabled: boolean;
  /** Most events of one request. */
  readonly batchEvents: number;
  /** How long an event waits for others to be posted with, ms. */
  readonly lingerMs: number;
  /** Requests at once. */
  readonly requests: number;
}

/** Every endpoint, those that are not enabled too. */
export const webhookEndpoints = (
  tenants: Readonly<Record<string, { readonly webhooks?: Readonly<Record<string, EndpointSettings>> }>>,
): readonly WebhookEndpoint[] =>
  Object.entries(tenants).flatMap(([tenant, { webhooks }]) =>
    Object.entries(webhooks ?? {}).map(([name, settings]) => ({
      id: endpointId(tenant, name),
      tenant,
      name,
      topic: endpointTopic(tenant, name),
      url: settings.url,
      secrets: settings.secrets,
      types: new Set<WebhookType>([...(settings.events ?? usualTypes), 'webhook.test']),
      enabled: settings.enabled,
      batchEvents: settings.batch_events,
      lingerMs: settings.linger_ms,
      requests: settings.requests,
    })),
  );

/** A URL as it may be shown: what stands behind `?` is often a token. */
export const shownUrl = (url: string): string => {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
};
