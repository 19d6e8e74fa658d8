/** A mail with everything that the steps of parsing look at, found once. */
import { addressesOf, addressOf, verpRecipient } from './addresses.ts';
import { type DeliveryStatus, parseDeliveryStatus, statusInText } from './delivery-status.ts';
import { type Fields, field, readable } from './fields.ts';
import type { Mail, Part } from './mail.ts';
import { originOf } from './origins/index.ts';
import type { OriginTable } from './origins/origin-table.ts';
import type { ReturnedMessage } from './report.ts';
import { returnedFields, returnedMessage, splitAtReturned } from './returned.ts';

export interface OpenedReport {
  readonly mail: Mail;
  readonly fields: Fields;
  /** Author's address; empty: none. */
  readonly from: string;
  readonly subject: string;
  /** In lower case. */
  readonly contentType: string;
  /** What a person reads, without the returned message. */
  readonly words: string;
  readonly status: DeliveryStatus | undefined;
  readonly table: OriginTable | undefined;
  readonly sentTo: readonly string[];
  readonly returnedFields: Fields;
  readonly returned: ReturnedMessage | null;
  /** Whom the message was for, by its To and by the VERP address of the report. */
  readonly expected: readonly string[];
}

const none: Fields = new Map();

export const partOf = (mail: Mail, ...types: readonly string[]): Part | undefined =>
  mail.parts.find(({ type }) => types.includes(type));

const isRecipientList = (status: DeliveryStatus): boolean => status.recipients.length > 0;

const statusOf = (mail: Mail, words: string): DeliveryStatus | undefined => {
  const part = partOf(
    mail,
    'message/delivery-status',
    'message/global-delivery-status',
    'text/delivery-status',
  );
  const parsed = part === undefined ? undefined : parseDeliveryStatus(part.text);
  if (parsed !== undefined && isRecipientList(parsed)) return parsed;
  const flat = statusInText(words);
  const found = flat === undefined ? undefined : parseDeliveryStatus(flat);
  if (found !== undefined && isRecipientList(found)) return found;
  // Some give the part no type, or another one.
  for (const { type, text } of mail.parts) {
    if (type === 'message/rfc822' || type === 'text/rfc822-headers') continue;
    const inPart = statusInText(text.slice(0, 50_000));
    const other = inPart === undefined ? undefined : parseDeliveryStatus(inPart);
    if (other !== undefined && isRecipientList(other)) return other;
  }
  return parsed;
};

const fromReturned = (mail: Mail, message: string | null): Fields => {
  const part = partOf(
    mail,
    'message/rfc822',
    'text/rfc822-headers',
    'message/rfc822-headers',
    'message/global',
    'message/global-headers',
    'message/partial',
  );
  const fields = part === undefined ? none : returnedFields(part.text);
  if (fields.size > 0) return fields;
  if (message !== null) return returnedFields(message);
  const loose = mail.parts.find(
    ({ type, text }) =>
      !type.startsWith('image/') &&
      /^(?:received|return-path|from|message-id|date)[ \t]*:/im.test(text.slice(0, 2_000)),
  );
  return loose === undefined || loose.type.startsWith('message/') ? none : returnedFields(loose.text);
};

/** Fields that keep the envelope recipient, and those of the header. */
const recipientFields = [
  'x-original-to',
  'delivered-to',
  'envelope-to',
  'x-envelope-to',
  'x-rcpt-to',
  'x-forwarded-to',
  'to',
  'cc',
  'apparently-to',
] as const;

const sentToOf = (fields: Fields): readonly string[] => [
  ...new Set(
    recipientFields.flatMap((name) => (fields.get(name) ?? []).flatMap((value) => addressesOf(value))),
  ),
];

export const openReport = (mail: Mail): OpenedReport => {
  const { fields } = mail;
  const from = addressOf(field(fields, 'from', 'sender')) ?? '';
  const subject = readable(fields, 'subject') ?? '';
  const { words, message } = splitAtReturned(mail.text);
  const status = statusOf(mail, mail.text);
  const found = fromReturned(mail, message);
  const returned = returnedMessage(found);
  const sentTo = sentToOf(fields);
  const verp = sentTo.map(verpRecipient).filter((address) => address !== undefined);
  return {
    mail,
    fields,
    from,
    subject,
    contentType: (field(fields, 'content-type') ?? '').toLowerCase(),
    words,
    status,
    table: originOf({ from, subject, fields, words, status: status?.fields }),
    sentTo,
    returnedFields: found,
    returned,
    expected: [...new Set([...(returned?.to ?? []), ...verp])],
  };
};
