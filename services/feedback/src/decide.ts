/** What a report changes: events, and who must not be sent to any more. Pure. */
import { everyList, parseAddress, recipientCategories, suppressionAddress } from '@millrace/core';
import { type FeedbackReport, isAgainstTheMail, type ReportedRecipient } from '@millrace/feedback';
import type { MessageEvent, Suppression } from '@millrace/schemas';
import type { Match } from './match.ts';

/** What mail.events says of the message. */
export type MessageOfReport = MessageEvent | undefined;

/** The parts of a suppression that a report decides. */
export interface WantedSuppression {
  readonly tenant: string;
  readonly address: string;
  readonly reason: 'bounce' | 'complaint' | 'unsubscribe';
  readonly streams: readonly string[];
  readonly list: string | null;
  readonly messageId: string | null;
  readonly note: string | null;
}

/** One more soft bounce of an address: suppressed only when there are too many. */
export interface SoftBounce {
  readonly tenant: string;
  readonly address: string;
  /** Counts once, however often it is reported. */
  readonly messageId: string;
  readonly note: string | null;
}

export interface Decision {
  readonly event: MessageEvent | undefined;
  readonly suppress: WantedSuppression | undefined;
  readonly soft: SoftBounce | undefined;
}

export interface ToDecide {
  readonly reportId: string;
  /** ms since the epoch. */
  readonly receivedAt: number;
  /** It came through a door that asks who is there: an import, an API key. */
  readonly trusted: boolean;
  readonly report: FeedbackReport;
  readonly match: Match;
  readonly message: MessageOfReport;
  /** Chosen on the page: overrides the list of the mail. */
  readonly list: string | null;
}

/** Soft categories that are the recipient's own: only these add up. */
export const softRecipientCategories: ReadonlySet<string> = new Set(['mailbox_full', 'inactive', 'quota']);

const none: Decision = { event: undefined, suppress: undefined, soft: undefined };

/** The one spelling of an address; undefined: it is none. */
export const spelled = (address: string | null | undefined): string | undefined => {
  const parsed = parseAddress(address ?? '');
  return parsed.kind === 'address' ? suppressionAddress(parsed) : undefined;
};

export const decide = (facts: ToDecide): Decision => {
  const { report, match, message } = facts;
  const tenant = message?.tenant ?? match.tenant;
  const address = spelled(message?.recipient ?? match.recipient);
  if (tenant === null || address === undefined) return none;
  const strong = match.certainty === 'certain' || match.certainty === 'probable' || facts.trusted;
  const head = { tenant, address, messageId: message?.message_id ?? match.messageId };
  switch (report.kind) {
    case 'bounce': {
      const failed = failedOf(report, address);
      if (failed === undefined) return none;
      const note = failed.diagnostic;
      const event = eventOf(facts, tenant, 'bounced_late', {
        text: note,
        reply_code: failed.replyCode,
        enhanced_code: failed.status,
        bounce_category: failed.category,
        mx: failed.remoteMta ?? failed.reportingMta,
      });
      if (!strong) return { ...none, event };
      if (failed.hard && recipientCategories.has(failed.category))
        return { ...none, event, suppress: { ...head, reason: 'bounce', streams: [], list: null, note } };
      const soft = softRecipientCategories.has(failed.category)
        ? { tenant, address, messageId: head.messageId ?? facts.reportId, note }
        : undefined;
      return { ...none, event, soft };
    }
    case 'complaint': {
      const type = report.complaint?.type ?? 'abuse';
      if (!isAgainstTheMail({ type })) return none;
      if (type.startsWith('opt-out')) return unsubscribed(facts, head, strong);
      const note = `${type}${report.complaint?.userAgent ? `, ${report.complaint.userAgent}` : ''}`;
      return {
        ...none,
        event: eventOf(facts, tenant, 'complained', { text: note }),
        suppress: strong ? { ...head, reason: 'complaint', streams: [], list: null, note } : undefined,
      };
    }
    case 'unsubscribe':
      return unsubscribed(facts, head, strong);
    case 'auto-reply':
      return { ...none, event: eventOf(facts, tenant, 'auto_replied', { text: report.subject }) };
    case 'delay':
    case 'unknown':
      return none;
    default:
      return report.kind satisfies never;
  }
};

/** Nothing that a person can be locked out by: an unsubscription is from batch mail. */
const unsubscribed = (
  facts: ToDecide,
  head: Pick<WantedSuppression, 'tenant' | 'address' | 'messageId'>,
  strong: boolean,
): Decision => {
  const list = facts.list ?? facts.message?.category ?? facts.match.list ?? everyList;
  return {
    ...none,
    event: eventOf(facts, head.tenant, 'unsubscribed', {
      text: list === everyList ? 'From every list.' : `From ${list}.`,
    }),
    suppress: strong
      ? { ...head, reason: 'unsubscribe', streams: ['batch'], list, note: facts.match.by }
      : undefined,
  };
};

/** What is said of this address; of a message with one recipient whatever is said. */
const failedOf = (report: FeedbackReport, address: string): ReportedRecipient | undefined => {
  const failed = report.recipients.filter(({ action }) => action === 'failed');
  return (
    failed.find((one) => spelled(one.address) === address || spelled(one.finalAddress) === address) ??
    failed[0]
  );
};

type Details = Partial<
  Pick<MessageEvent, 'text' | 'reply_code' | 'enhanced_code' | 'bounce_category' | 'mx'>
>;

/** The event of what was reported; the same step has the same id, also when a better parser reads it again. */
const eventOf = (facts: ToDecide, tenant: string, kind: string, details: Details): MessageEvent => {
  const { report, match, message } = facts;
  const messageId = message?.message_id ?? match.messageId ?? '';
  return {
    event_id: `${messageId || facts.reportId}:${kind}`,
    kind,
    time: facts.receivedAt,
    message_id: messageId,
    request_id: message?.request_id ?? '',
    tenant,
    stream: message?.stream ?? null,
    category: message?.category ?? match.list,
    campaign: message?.campaign ?? match.campaign,
    recipient: message?.recipient ?? match.recipient ?? '',
    domain: message?.domain ?? null,
    isp: message?.isp ?? null,
    site: message?.site ?? null,
    pool: message?.pool ?? null,
    source: message?.source ?? null,
    mx: details.mx ?? null,
    remote_address: null,
    attempt: message?.attempt ?? 0,
    reply_code: details.reply_code ?? null,
    enhanced_code: details.enhanced_code ?? null,
    text: details.text ?? null,
    phase: null,
    bounce_category: details.bounce_category ?? null,
    latency_ms: message === undefined ? null : Math.max(0, facts.receivedAt - message.time),
    attempt_ms: null,
    size_bytes: null,
    tls: null,
    next_attempt_at: null,
    tags: message?.tags ?? [],
    metadata: {
      ...message?.metadata,
      report_id: facts.reportId,
      matched_by: match.by,
      certainty: match.certainty,
      ...(report.origin === null ? {} : { origin: report.origin }),
    },
    trace_id: message?.trace_id ?? null,
    sender_domain: message?.sender_domain ?? null,
  };
};

/** The record of a suppression. `expiresAt`: ms since the epoch. */
export const suppressionOf = (
  wanted: WantedSuppression,
  createdAt: number,
  expiresAt: number | null,
): Suppression => ({
  tenant: wanted.tenant,
  address: wanted.address,
  reason: wanted.reason,
  streams: wanted.streams,
  created_at: createdAt,
  expires_at: expiresAt,
  message_id: wanted.messageId,
  note: wanted.note === null ? null : wanted.note.slice(0, 1_000),
  list: wanted.list,
  author: 'feedback',
});
