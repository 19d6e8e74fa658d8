/** Delivery status notifications by their structure. RFC 3464, RFC 6533 for addresses in UTF-8. */
import { addressOf, isAddress } from './addresses.ts';
import { type Fields, field, fieldList, fieldsOf } from './fields.ts';
import type { ReportAction } from './report.ts';

/** What a delivery status says of one recipient; addresses as written, without their type. */
export interface RecipientStatus {
  readonly original: string | null;
  readonly final: string | null;
  readonly action: ReportAction | null;
  /** `5.1.1`. */
  readonly status: string | null;
  readonly diagnostic: string | null;
  readonly remoteMta: string | null;
}

export interface DeliveryStatus {
  readonly reportingMta: string | null;
  /** Original-Envelope-Id, the ENVID of the message. */
  readonly envelopeId: string | null;
  /** Every field of the part, for recognising who wrote it. */
  readonly fields: Fields;
  readonly recipients: readonly RecipientStatus[];
}

/** A status has so many recipients at most. */
const mostRecipients = 5_000;

/** Fields of which a recipient has one each: the second one begins the next recipient. */
const onceEach: ReadonlySet<string> = new Set(['final-recipient', 'original-recipient', 'action', 'status']);
const ofRecipient: ReadonlySet<string> = new Set([
  ...onceEach,
  'remote-mta',
  'diagnostic-code',
  'last-attempt-date',
  'will-retry-until',
  'x-actual-recipient',
  'x-display-name',
]);

/** `rfc822; <user@example.org>` as what is behind the semicolon; undefined: it is no mail address (X.400, local). */
const typedAddress = (value: string | undefined): string | undefined => {
  if (value === undefined) return undefined;
  const match = /^(?:"?([A-Za-z0-9-]{1,20})"?\s{0,5};)?(.*)$/s.exec(value.slice(0, 1_000).trim());
  const type = (match?.[1] ?? 'rfc822').toLowerCase();
  const text = (match?.[2] ?? '').trim();
  if (type === 'utf-8') return plainAddress(fromUtf8Xtext(text));
  if (type === 'x400' || type === 'x-x400' || type === 'unknown') return addressOf(text);
  return plainAddress(fromXtext(text));
};

const plainAddress = (text: string): string | undefined => {
  const address = addressOf(text);
  if (address !== undefined) return address;
  // A local user of the reporting host, or a file or program that mail goes to there: that one is nobody.
  const local = text.replace(/[<>"\s]/g, '');
  if (/^[/|:]/.test(local)) return undefined;
  if (/^[^\s@;:,]{1,64}@?$/.test(local)) return local.replace(/@$/, '');
  // At a domain that cannot be: the part names who failed all the same.
  return /^[^\s@;:,]{1,64}@[^\s@;:,]{1,255}$/.test(local) ? local : undefined;
};

/** RFC 3461 4. Only where the sign for `@` is coded: a plus is usual in addresses that nobody has coded. */
const fromXtext = (text: string): string =>
  /\+40/.test(text) && !text.includes('@')
    ? text.replace(/\+([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;

/** RFC 6533 3: `\x{1F600}`. */
const fromUtf8Xtext = (text: string): string =>
  fromXtext(text).replace(/\\x\{([0-9A-Fa-f]{1,6})\}/g, (all, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : all;
  });

const actionOf = (value: string | undefined): ReportAction | null => {
  const word = /^\s*([A-Za-z]+)/.exec(value ?? '')?.[1]?.toLowerCase() ?? '';
  switch (word) {
    case 'failed':
    case 'failure':
    case 'fail':
    case 'error':
    case 'undeliverable':
      return 'failed';
    case 'delayed':
    case 'delay':
      return 'delayed';
    case 'delivered':
    case 'delivery':
      return 'delivered';
    case 'relayed':
      return 'relayed';
    case 'expanded':
      return 'expanded';
    default:
      return null;
  }
};

const statusCode = /(?:^|[^\d.])([245])\s?\.\s?(\d{1,3})\s?\.\s?(\d{1,3})(?![\d.]*\d)/;

const statusOf = (value: string | undefined): string | null => {
  const match = statusCode.exec((value ?? '').slice(0, 200));
  return match === null ? null : `${match[1]}.${Number(match[2])}.${Number(match[3])}`;
};

/** `smtp; 550 5.1.1 ...` without its type, on one line. */
const diagnosticOf = (value: string | undefined): string | null => {
  if (value === undefined) return null;
  const text = value
    .replace(/^\s*[A-Za-z0-9_.-]{1,40}\s*;\s*/, '')
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? null : text.slice(0, 2_000);
};

/** `dns; mx.example.org` as `mx.example.org`. */
export const mtaOf = (value: string | undefined): string | null => {
  const text = value?.replace(/^\s*[A-Za-z0-9_-]{1,20}\s*;\s*/, '').trim() ?? '';
  const host = /^[^\s(;]{1,255}/.exec(text)?.[0];
  return host ?? null;
};

/** The recipients' groups of fields. Empty lines say nothing for certain: some writers forget them, others add some. */
const groupsOf = (text: string): readonly (readonly (readonly [string, string])[])[] => {
  const groups: (readonly [string, string])[][] = [];
  for (const block of text.split(/\n[ \t]*\n/)) {
    let group: (readonly [string, string])[] = [];
    let seen = new Set<string>();
    for (const [name, value] of fieldList(block)) {
      if (onceEach.has(name) && seen.has(name)) {
        groups.push(group);
        group = [];
        seen = new Set();
      }
      seen.add(name);
      group.push([name, value]);
    }
    if (group.length > 0) groups.push(group);
    if (groups.length > mostRecipients) break;
  }
  return groups;
};

const has = (group: readonly (readonly [string, string])[], ...names: readonly string[]): boolean =>
  group.some(([name]) => names.includes(name));

/** Groups that name a recipient; a group without one that has what the group before lacks belongs to that. */
const joined = (
  groups: readonly (readonly (readonly [string, string])[])[],
): readonly (readonly (readonly [string, string])[])[] => {
  const found: (readonly (readonly [string, string])[])[] = [];
  for (const group of groups) {
    const last = found.at(-1);
    const names = has(group, 'final-recipient', 'original-recipient', 'x-actual-recipient');
    const continues = group.some(([name]) => ofRecipient.has(name));
    if (names) found.push(group);
    else if (continues && last !== undefined && !has(last, 'action', 'status', 'diagnostic-code'))
      found[found.length - 1] = [...last, ...group];
  }
  return found;
};

/** Reads the text of a `message/delivery-status` part. */
export const parseDeliveryStatus = (text: string): DeliveryStatus => {
  const groups = groupsOf(text);
  const all = fieldsOf(groups.flat());
  const recipients = joined(groups).map((group): RecipientStatus => {
    const fields = fieldsOf(group);
    const final = typedAddress(field(fields, 'final-recipient'));
    const original = typedAddress(field(fields, 'original-recipient'));
    const actual = typedAddress(field(fields, 'x-actual-recipient'));
    const best =
      [final, actual].find((address) => address !== undefined && isAddress(address)) ?? final ?? actual;
    return {
      original: original !== undefined && isAddress(original) ? original : null,
      final: best ?? null,
      action: actionOf(field(fields, 'action')),
      status: statusOf(field(fields, 'status')),
      diagnostic: diagnosticOf(field(fields, 'diagnostic-code', 'x-notes', 'x-diagnostic')),
      remoteMta: mtaOf(field(fields, 'remote-mta')),
    };
  });
  return {
    reportingMta: mtaOf(field(all, 'reporting-mta', 'received-from-mta')),
    envelopeId: field(all, 'original-envelope-id') ?? null,
    fields: all,
    recipients,
  };
};

/** Where a delivery status begins that a gateway has flattened into the words; undefined: there is none. */
export const statusInText = (text: string): string | undefined => {
  const first = /^(?:Reporting-MTA|Original-Recipient|Final-Recipient)[ \t]*:[^\n]{0,500}$/im.exec(text);
  if (first === null) return undefined;
  const rest = text.slice(first.index, first.index + 20_000);
  return /^Final-Recipient[ \t]*:/im.test(rest) && /^(?:Action|Status)[ \t]*:/im.test(rest)
    ? rest
    : undefined;
};
