/** What came of a message, as the events that tell it. */
import type { DeliveryTask, MessageEvent } from '@millrace/schemas';

/** TLS of the connection that a try was made on; null: none. */
export type TlsFacts = MessageEvent['tls'];

/** One SMTP try. */
export interface Try {
  /** Name of the egress source. */
  readonly source: string;
  /** Host that answered, or that did not. */
  readonly mx: string | null;
  readonly remoteAddress: string | null;
  readonly tls: TlsFacts;
  /** From taking the message to its answer, ms. */
  readonly durationMs: number;
  /** Of the mail as it was sent, bytes; null: it did not come to that. */
  readonly sizeBytes: number | null;
}

/** What was said, by a server or by us. */
export interface Answer {
  /** RFC 5321 reply code; null: no server said it. */
  readonly code: number | null;
  /** RFC 3463 status code. */
  readonly enhanced: string | null;
  readonly text: string;
  /** Where the try ended: dns, proxy, connect, greeting, tls, ehlo, mail, rcpt, data, body; null: before any. */
  readonly phase: string | null;
}

/** The end of a try, or of a message without one (`try` is then null). */
export type Outcome =
  | { readonly kind: 'delivered'; readonly try: Try | null; readonly answer: Answer }
  | {
      readonly kind: 'deferred';
      readonly try: Try | null;
      readonly answer: Answer;
      readonly category: string;
      /** ms since the epoch. */
      readonly nextAttemptAt: number;
    }
  | { readonly kind: 'bounced'; readonly try: Try | null; readonly answer: Answer; readonly category: string }
  | {
      readonly kind: 'expired';
      readonly try: Try | null;
      readonly answer: Answer;
      readonly category: string | null;
    }
  /** An operator ended it. */
  | { readonly kind: 'cancelled'; readonly try: null; readonly answer: Answer; readonly category: null }
  /** The recipient was suppressed after the message had been routed. */
  | { readonly kind: 'suppressed'; readonly try: null; readonly answer: Answer; readonly category: null };

/** The same step of a message has the same id however often it is told. */
const eventIdOf = (task: DeliveryTask, outcome: Outcome, attempt: number): string =>
  outcome.kind === 'deferred'
    ? `${task.message_id}:deferred:${attempt}`
    : `${task.message_id}:${outcome.kind}`;

/** The event of an outcome. `now`: ms since the epoch. `traceId`: of the span it happened in, when that is sampled. */
export const deliveryEvent = (
  task: DeliveryTask,
  outcome: Outcome,
  now: number,
  traceId: string | null,
): MessageEvent => {
  const { try: tried, answer } = outcome;
  const attempt = tried === null ? task.attempt : task.attempt + 1;
  return {
    event_id: eventIdOf(task, outcome, attempt),
    kind: outcome.kind,
    time: now,
    message_id: task.message_id,
    request_id: task.request_id,
    tenant: task.tenant,
    stream: task.stream,
    category: task.category,
    campaign: task.campaign,
    recipient: task.recipient,
    domain: task.domain,
    isp: task.isp,
    site: task.site,
    pool: task.pool,
    source: tried === null ? null : tried.source,
    mx: tried === null ? null : tried.mx,
    remote_address: tried === null ? null : tried.remoteAddress,
    attempt,
    reply_code: answer.code,
    enhanced_code: answer.enhanced,
    text: answer.text,
    phase: answer.phase,
    bounce_category: outcome.kind === 'delivered' ? null : outcome.category,
    latency_ms: Math.max(0, now - task.accepted_at),
    attempt_ms: tried === null ? null : Math.round(tried.durationMs),
    size_bytes: tried === null ? null : tried.sizeBytes,
    tls: tried === null ? null : tried.tls,
    next_attempt_at: outcome.kind === 'deferred' ? outcome.nextAttemptAt : null,
    tags: task.tags,
    metadata: task.metadata,
    trace_id: traceId,
    sender_domain: domainOf(task.mail_from.address),
  };
};

const domainOf = (address: string): string | null => {
  const at = address.lastIndexOf('@');
  return at === -1 ? null : address.slice(at + 1).toLowerCase();
};
