/** Which message a report is about, and how sure that is. Pure. */
import { isMessageId, type MessageId } from '@millrace/core';
import type { FeedbackReport } from '@millrace/feedback';
import { readUnsubscribeToken, type Unsubscribe, verpNames } from '@millrace/message';
import type { InboundReport } from '@millrace/schemas';
import { type AddressOptions, ownAddress } from './own-addresses.ts';

/** What led to the message. */
export type MatchedBy =
  /** A token that only we can make: of the return path, or of an unsubscribe address. */
  | 'verp'
  /** A token that only we can make: of the unsubscribe link, also in the part that came back. */
  | 'unsubscribe_token'
  | 'message_id'
  | 'feedback_id'
  | 'recipient'
  | 'none';

/**
 * `certain`: proven by a token; `probable`: the id of the message, which only its recipient and its providers know;
 * `possible`: words that anybody can write.
 */
export type Certainty = 'certain' | 'probable' | 'possible' | 'none';

export interface Match {
  readonly by: MatchedBy;
  readonly certainty: Certainty;
  readonly messageId: MessageId | null;
  readonly tenant: string | null;
  readonly recipient: string | null;
  readonly campaign: string | null;
  readonly list: string | null;
  /** It was sent to an unsubscribe address. */
  readonly atUnsubscribe: boolean;
}

export interface MatchOptions extends AddressOptions {
  readonly tenants: readonly string[];
  /** URL with `{token}`. */
  readonly unsubscribeUrl: string | undefined;
  readonly feedbackIdSender: string;
}

const nothing: Match = {
  ...{ by: 'none', certainty: 'none', messageId: null, tenant: null, recipient: null },
  ...{ campaign: null, list: null, atUnsubscribe: false },
};

/** A match by a link's token; undefined where it is none of ours. */
export const matchToken = (token: string, secret: string | undefined): Match | undefined => {
  const facts = secret === undefined ? undefined : readUnsubscribeToken(token, secret);
  return facts === undefined ? undefined : ofToken(facts);
};

const ofToken = (facts: Unsubscribe): Match => ({
  ...nothing,
  ...facts,
  by: 'unsubscribe_token',
  certainty: 'certain',
});

/** Addresses in the report that may be the message's recipient, the likeliest first. */
export const candidates = (report: FeedbackReport): readonly string[] => [
  ...new Set(
    [
      ...report.recipients.flatMap(({ address, finalAddress }) => [address, finalAddress]),
      report.complaint?.address ?? null,
      ...(report.returned?.to ?? []),
      report.kind === 'unsubscribe' || report.kind === 'auto-reply' ? report.from : null,
    ].filter((address): address is string => address?.includes('@') === true),
  ),
];

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Our token in a List-Unsubscribe field that came back. */
const returnedToken = (
  report: FeedbackReport,
  { unsubscribeUrl, secret }: MatchOptions,
): Match | undefined => {
  const field = report.returned?.listUnsubscribe ?? null;
  if (field === null || unsubscribeUrl === undefined) return undefined;
  const [before = '', after = ''] = unsubscribeUrl.split('{token}');
  const token = new RegExp(`${escaped(before)}([\\w-]{40,2000})${escaped(after)}`).exec(
    field.replaceAll(/\s+/g, ''),
  )?.[1];
  return token === undefined ? undefined : matchToken(token, secret);
};

const sanitised = (tenant: string): string => tenant.replaceAll(/[^a-zA-Z0-9._-]+/g, '_').slice(0, 64);

/** Tenant, campaign and list of a Feedback-ID that came back, as packages/message writes it. */
const returnedFeedbackId = (
  report: FeedbackReport,
  options: MatchOptions,
):
  | { readonly tenant: string; readonly campaign: string | null; readonly list: string | null }
  | undefined => {
  const parts = report.returned?.feedbackId?.trim().split(':') ?? [];
  if (parts.length < 3 || parts.at(-1) !== sanitised(options.feedbackIdSender)) return undefined;
  const tenant = options.tenants.find((name) => sanitised(name) === parts.at(-3));
  if (tenant === undefined) return undefined;
  const list = parts.at(-2) ?? '';
  return {
    tenant,
    campaign: parts.length > 3 ? (parts[0] ?? null) : null,
    list: list === 'batch' || list === 'realtime' ? null : list,
  };
};

const idForm = /^([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})@/;

/** The id of one of our messages among Message-IDs. */
const ownMessageId = (report: FeedbackReport): MessageId | undefined => {
  for (const id of [report.returned?.messageId ?? '', ...report.answers]) {
    const found = idForm.exec(id)?.[1] ?? '';
    if (isMessageId(found)) return found;
  }
  return undefined;
};

/** The tenant and recipient that a token was made for, among those that can be. */
const named = (
  token: string,
  addresses: readonly string[],
  { tenants, secret }: MatchOptions,
): { readonly tenant: string; readonly recipient: string } | undefined => {
  if (secret === undefined) return undefined;
  for (const recipient of addresses.slice(0, 20))
    for (const tenant of tenants)
      if (verpNames(token, { tenant, recipient }, secret)) return { tenant, recipient };
  return undefined;
};

/** By the envelope and what the report says of itself and of the message. */
export const match = (inbound: InboundReport, report: FeedbackReport, options: MatchOptions): Match => {
  const own = [...inbound.recipients, ...report.sentTo].flatMap((address) => {
    const found = ownAddress(address, options);
    return found === undefined || found.kind === 'complaints' ? [] : [found];
  });
  const addresses = candidates(report);
  const returned = returnedToken(report, options);
  const feedbackId = returnedFeedbackId(report, options);
  const atUnsubscribe = own.some(({ kind }) => kind === 'unsubscribe');
  const [first] = own;
  if (first !== undefined) {
    const same = returned?.messageId === first.messageId ? returned : undefined;
    const to = named(first.token, addresses, options);
    return {
      by: 'verp',
      // Without a secret a token proves nothing.
      certainty: options.secret === undefined ? 'probable' : 'certain',
      messageId: first.messageId,
      tenant: same?.tenant ?? to?.tenant ?? feedbackId?.tenant ?? null,
      recipient: same?.recipient ?? to?.recipient ?? null,
      campaign: same?.campaign ?? feedbackId?.campaign ?? null,
      list: same?.list ?? feedbackId?.list ?? null,
      atUnsubscribe,
    };
  }
  if (returned !== undefined) return returned;
  const messageId = ownMessageId(report);
  const [recipient = null] = addresses;
  const tenant = feedbackId?.tenant ?? (options.tenants.length === 1 ? (options.tenants[0] ?? null) : null);
  const known = { tenant, recipient, campaign: feedbackId?.campaign ?? null, list: feedbackId?.list ?? null };
  if (messageId !== undefined)
    return { ...nothing, ...known, by: 'message_id', certainty: 'probable', messageId };
  if (recipient === null || tenant === null) return nothing;
  return {
    ...nothing,
    ...known,
    by: feedbackId === undefined ? 'recipient' : 'feedback_id',
    certainty: 'possible',
  };
};
