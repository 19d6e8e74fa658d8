/** One message on its way through the router, and the records that it becomes. */

import type { Address, Classification, MessageId, RequestProblem } from '@millrace/core';
import type { DeliveryTask, MessageEvent, Recipient, SendRequest } from '@millrace/schemas';
import type { DomainRoute } from './domain-routes.ts';

/** What all messages of one request share: the request with everything decided that it left open. */
export interface RoutedRequest {
  readonly request: SendRequest;
  readonly requestId: string;
  /** ms since the epoch. */
  readonly acceptedAt: number;
  readonly classification: Classification;
  readonly deadline: number;
  readonly expiresAt: number;
  readonly pool: string;
  readonly templateVersion: number | null;
  readonly traceId: string | null;
}

/** One recipient of it. */
export interface RoutedMessage {
  readonly of: RoutedRequest;
  readonly messageId: MessageId;
  readonly recipient: Recipient;
  readonly address: Address;
}

/** What came of a message here. */
export type Outcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'routed'; readonly route: Extract<DomainRoute, { kind: 'route' }> }
  | { readonly kind: 'suppressed'; readonly reason: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'bounced'; readonly route: Extract<DomainRoute, { kind: 'null_mx' | 'no_domain' }> }
  | { readonly kind: 'deferred'; readonly reason: string; readonly nextAttemptAt: number };

/** Variables for one recipient: the request's, with the recipient's own over them. Both are JSON objects by now. */
export const mergedVariables = (request: string | null, recipient: string | null): string | null => {
  if (recipient === null || request === null) return recipient ?? request;
  return JSON.stringify({ ...JSON.parse(request), ...JSON.parse(recipient) });
};

/** The record for the shard topic. */
export const deliveryTask = (
  { of, messageId, recipient, address }: RoutedMessage,
  route: Extract<DomainRoute, { kind: 'route' }>,
): DeliveryTask => {
  const { request, classification } = of;
  return {
    message_id: messageId,
    request_id: of.requestId,
    tenant: request.tenant,
    stream: classification.stream,
    category: request.category,
    campaign: request.campaign,
    mail_from: request.mail_from,
    recipient: recipient.address,
    recipient_name: recipient.name,
    domain: address.ascii,
    isp: route.isp,
    site: route.site,
    pool: of.pool,
    raw: request.raw,
    blob: request.blob,
    template_id: request.template_id,
    template_version: of.templateVersion,
    variables: mergedVariables(request.variables, recipient.variables),
    composed: request.composed,
    headers: request.headers,
    reply_to: request.reply_to,
    tags: request.tags,
    metadata: request.metadata,
    attempt: 0,
    accepted_at: of.acceptedAt,
    send_at: request.send_at,
    deadline: of.deadline,
    expires_at: of.expiresAt,
    guarantee: classification.guarantee,
  };
};

/** The request for this recipient alone, everything decided kept: what waits when a message is put off. */
export const requestForLater = ({ of, messageId, recipient }: RoutedMessage): SendRequest => ({
  ...of.request,
  request_id: of.requestId,
  accepted_at: of.acceptedAt,
  stream: of.classification.stream,
  recipients: [{ ...recipient, message_id: messageId }],
  template_version: of.templateVersion,
  pool: of.pool,
  routing_attempts: of.request.routing_attempts + 1,
});

/** A message's event without anything that only some kinds have. */
const plainEvent = (message: RoutedMessage, kind: string, now: number): MessageEvent => {
  const { of, messageId, recipient, address } = message;
  return {
    event_id: `${messageId}:${kind}`,
    kind,
    time: now,
    message_id: messageId,
    request_id: of.requestId,
    tenant: of.request.tenant,
    stream: of.classification.stream,
    category: of.request.category,
    campaign: of.request.campaign,
    recipient: recipient.address,
    domain: address.ascii,
    isp: null,
    site: null,
    pool: of.pool,
    source: null,
    mx: null,
    remote_address: null,
    attempt: 0,
    reply_code: null,
    enhanced_code: null,
    text: null,
    phase: null,
    bounce_category: null,
    latency_ms: Math.max(0, now - of.acceptedAt),
    attempt_ms: null,
    size_bytes: null,
    tls: null,
    next_attempt_at: null,
    tags: of.request.tags,
    metadata: of.request.metadata,
    trace_id: of.traceId,
    sender_domain: null,
  };
};

/** The event of an outcome. The same outcome has the same event_id however often it is emitted. */
export const eventOf = (message: RoutedMessage, outcome: Outcome, now: number): MessageEvent => {
  const event = plainEvent(message, outcome.kind, now);
  switch (outcome.kind) {
    case 'accepted':
      return event;
    case 'routed':
      return { ...event, isp: outcome.route.isp, site: outcome.route.site };
    case 'suppressed':
      return { ...event, enhanced_code: '5.7.0', text: `The address is suppressed: ${outcome.reason}.` };
    case 'expired':
      return { ...event, enhanced_code: '5.4.7', text: 'It grew too old before it could be sent.' };
    case 'bounced':
      return {
        ...event,
        phase: 'dns',
        // RFC 7505 4.2 for a null MX; RFC 3463 3.2 for a domain that does not exist.
        ...(outcome.route.kind === 'null_mx'
          ? {
              reply_code: 556,
              enhanced_code: '5.1.10',
              text: `${message.address.ascii} accepts no mail (null MX).`,
              bounce_category: 'no_mx',
            }
          : {
              enhanced_code: '5.1.2',
              text: `${message.address.ascii} does not exist.`,
              bounce_category: 'invalid_domain',
            }),
      };
    case 'deferred':
      return {
        ...event,
        event_id: `${event.event_id}:dns:${message.of.request.routing_attempts}`,
        phase: 'dns',
        enhanced_code: '4.4.3',
        text: outcome.reason,
        next_attempt_at: outcome.nextAttemptAt,
        bounce_category: 'dns_failed',
      };
    default: {
      const never: never = outcome;
      return never;
    }
  }
};

/** What can be said of a recipient of a request that is refused. */
export interface RefusedMessage {
  readonly request: SendRequest;
  readonly requestId: string;
  readonly messageId: MessageId;
  readonly recipient: string;
  readonly acceptedAt: number;
  readonly problems: readonly RequestProblem[];
  readonly traceId: string | null;
}

/** Problems in one line. */
export const problemText = (problems: readonly RequestProblem[]): string =>
  problems
    .slice(0, 5)
    .map(({ field, text }) => (field === '' ? text : `${field}: ${text}`))
    .join(' ')
    .concat(problems.length > 5 ? ` And ${problems.length - 5} more.` : '');

/** The `rejected` event. Nothing of the request is trusted to be well-formed. */
export const rejectedEvent = (refused: RefusedMessage, now: number): MessageEvent => ({
  event_id: `${refused.messageId}:rejected`,
  kind: 'rejected',
  time: now,
  message_id: refused.messageId,
  request_id: refused.requestId,
  tenant: refused.request.tenant,
  stream: refused.request.stream,
  category: refused.request.category,
  campaign: refused.request.campaign,
  recipient: refused.recipient,
  domain: null,
  isp: null,
  site: null,
  pool: null,
  source: null,
  mx: null,
  remote_address: null,
  attempt: 0,
  reply_code: null,
  enhanced_code: null,
  text: problemText(refused.problems),
  phase: null,
  bounce_category: null,
  latency_ms: Math.max(0, now - refused.acceptedAt),
  attempt_ms: null,
  size_bytes: null,
  tls: null,
  next_attempt_at: null,
  tags: refused.request.tags.slice(0, 50),
  metadata: {},
  trace_id: refused.traceId,
  sender_domain: null,
});
