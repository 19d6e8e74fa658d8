/** What a caller orders to be suppressed, checked: from the fields of a body or of a CSV row to a record. Pure. */
import { asciiDomain, isStream, parseAddress, suppressionAddress } from '@millrace/core';
import type { Suppression, SuppressionChange } from '@millrace/schemas';
import { parseMoment } from './moment.ts';
import type { FieldError } from './problem.ts';

const reasons = ['manual', 'bounce', 'complaint', 'unsubscribe'] as const;
/** Longest name of a list: that of a category. */
export const longestList = 100;
const longestNote = 1_000;
const longestAuthor = 100;

/** As they were written; what is absent has its default. */
export interface SuppressionFields {
  readonly address: string;
  readonly reason?: string | undefined;
  readonly streams?: readonly string[] | undefined;
  readonly list?: string | undefined;
  readonly expires_at?: string | undefined;
  readonly note?: string | undefined;
  readonly author?: string | undefined;
}

export type SuppressionOrder =
  | { readonly kind: 'ok'; readonly suppression: Suppression }
  | { readonly kind: 'wrong'; readonly errors: readonly FieldError[] };

/** The one spelling of an address, or of a whole domain written as `@example.com`; a sentence where it is neither. */
export const suppressedAddress = (
  given: string,
): { readonly kind: 'ok'; readonly address: string } | { readonly kind: 'wrong'; readonly text: string } => {
  if (given.startsWith('@')) {
    const domain = asciiDomain(given.slice(1));
    return domain === undefined
      ? { kind: 'wrong', text: 'the part after the "@" is not a domain name' }
      : { kind: 'ok', address: `@${domain}` };
  }
  const parsed = parseAddress(given);
  return parsed.kind === 'address'
    ? { kind: 'ok', address: suppressionAddress(parsed) }
    : { kind: 'wrong', text: parsed.text };
};

/** `caller`: who, where the fields do not say. `now`: ms since the epoch. */
export const suppressionOrder = (
  tenant: string,
  fields: SuppressionFields,
  caller: string,
  now: number,
): SuppressionOrder => {
  const errors: FieldError[] = [];
  const address = suppressedAddress(fields.address);
  if (address.kind === 'wrong') errors.push({ field: 'address', message: address.text });
  const reason = reasons.find((known) => known === (fields.reason ?? 'manual'));
  if (reason === undefined) errors.push({ field: 'reason', message: `must be ${reasons.join(', ')}` });
  const streams = fields.streams ?? [];
  if (!streams.every(isStream)) errors.push({ field: 'streams', message: 'must be realtime, batch' });
  const expiresAt = fields.expires_at === undefined ? null : (parseMoment(fields.expires_at) ?? 0);
  if (expiresAt !== null && expiresAt <= now)
    errors.push({ field: 'expires_at', message: 'must be an RFC 3339 date-time that has not passed' });
  for (const [field, text, longest] of [
    ['list', fields.list, longestList],
    ['note', fields.note, longestNote],
    ['author', fields.author, longestAuthor],
  ] as const)
    if (text !== undefined && text.length > longest)
      errors.push({ field, message: `must have at most ${longest} characters` });
  if (address.kind === 'wrong' || reason === undefined || errors.length > 0) return { kind: 'wrong', errors };
  return {
    kind: 'ok',
    suppression: {
      tenant,
      address: address.address,
      reason,
      streams,
      created_at: now,
      expires_at: expiresAt,
      message_id: null,
      note: fields.note || null,
      list: fields.list || null,
      author: fields.author || caller,
    },
  };
};

/** The audit record of an addition. */
export const additionOf = (suppression: Suppression): SuppressionChange => ({
  change: 'added',
  time: suppression.created_at,
  tenant: suppression.tenant,
  address: suppression.address,
  list: suppression.list,
  reason: suppression.reason,
  streams: suppression.streams,
  expires_at: suppression.expires_at,
  author: suppression.author,
  note: suppression.note,
  message_id: suppression.message_id,
});
