/** Complaints: the abuse reporting format, RFC 5965, and the mails of providers that are nearly that. */
import { addressesOf, addressOf, isDaemon } from './addresses.ts';
import { mtaOf } from './delivery-status.ts';
import { type Fields, field, parseFields } from './fields.ts';
import type { Mail } from './mail.ts';
import type { Complaint, ReturnedMessage } from './report.ts';

/** Feedback types that nobody complains with. What is not known counts as a complaint. RFC 5965 7.3, RFC 6591. */
const harmless: ReadonlySet<string> = new Set(['not-spam', 'auth-failure']);

/** True: whoever complained must get no more mail. An authentication failure or a "not spam" is none such. */
export const isAgainstTheMail = ({ type }: Pick<Complaint, 'type'>): boolean => !harmless.has(type);

const clean = (value: string | undefined): string | null => {
  const text = value?.trim() ?? '';
  return text === '' ? null : text.slice(0, 1_000);
};

const addressIn = (text: string): string | null =>
  /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)/.exec(text)?.[0] ??
  /(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}/i.exec(text)?.[0] ??
  null;

/** A stand-in for the address. RFC 6590. */
const isStandIn = (text: string): boolean =>
  /^(?:redacted|xxx+|undisclosed|removed|hidden|anonymi[sz]ed|\*+)(?:@|$)|@redacted|\bredacted\b|^[0-9a-f]{32,}@|@(?:example\.invalid|invalid)$/i.test(
    text,
  );

/** Who complained, by the fields that are meant for it, then by what of the message came back. */
const complainer = (
  report: Fields,
  returned: ReturnedMessage | null,
  returnedFields: Fields,
): { readonly address: string | null; readonly redacted: boolean } => {
  let redacted = false;
  const candidates = [
    ...(report.get('original-rcpt-to') ?? []),
    ...(report.get('removal-recipient') ?? []),
    ...[
      'x-hmxmroriginalrecipient',
      'x-original-to',
      'delivered-to',
      'x-rcpt-to',
      'x-apparently-to',
      'envelope-to',
    ].flatMap((name) => returnedFields.get(name) ?? []),
    ...(returned === null || returned.to.length !== 1 ? [] : returned.to),
    ...receivedFor(returnedFields),
  ];
  for (const candidate of candidates) {
    const address = addressOf(candidate);
    if (isStandIn(candidate.replace(/[<>\s]/g, ''))) redacted = true;
    else if (address !== undefined && !isDaemon(address)) return { address, redacted };
  }
  return { address: null, redacted };
};

const receivedFor = (fields: Fields): readonly string[] =>
  (fields.get('received') ?? [])
    .map((line) => /\bfor\s+<?([^<>\s;]{3,320}@[^<>\s;]{1,255})>?/i.exec(line.slice(0, 2_000))?.[1])
    .filter((address) => address !== undefined);

const domainOf = (address: string | null | undefined): string | null => {
  const at = address?.lastIndexOf('@') ?? -1;
  return address === null || address === undefined || at < 0 ? null : address.slice(at + 1);
};

/** Reads a `message/feedback-report` part. RFC 5965 3, RFC 6591. */
export const parseFeedbackReport = (
  text: string,
  returned: ReturnedMessage | null,
  returnedFields: Fields,
): Complaint => {
  const report = parseFields(text.replace(/\n[ \t]*\n/g, '\n'));
  const source = field(report, 'source-ip', 'source');
  const incidents = Number(field(report, 'incidents') ?? '1');
  return {
    type:
      (field(report, 'feedback-type') ?? 'abuse')
        .toLowerCase()
        .replace(/[^a-z0-9-]/g, '')
        .slice(0, 40) || 'abuse',
    ...complainer(report, returned, returnedFields),
    sourceIp: source === undefined ? null : addressIn(source),
    reportedDomain:
      clean(field(report, 'reported-domain'))?.toLowerCase() ??
      domainOf(addressOf(field(report, 'original-mail-from'))) ??
      domainOf(returned?.from),
    userAgent: clean(field(report, 'user-agent')),
    originalMailFrom: addressOf(field(report, 'original-mail-from')) ?? null,
    arrivalDate: clean(field(report, 'arrival-date', 'received-date')),
    reportingMta: mtaOf(field(report, 'reporting-mta')),
    authFailure: clean(field(report, 'auth-failure', 'authentication-results')),
    incidents: Number.isSafeInteger(incidents) && incidents > 0 ? incidents : 1,
  };
};

/** Loops that send the message itself, with a word about it, in place of a report. */
const providerComplaints: readonly {
  readonly userAgent: string;
  readonly from: RegExp;
  readonly subject: RegExp;
}[] = [
  {
    userAgent: 'Microsoft JMRP',
    from: /^(?:staff|postmaster)@hotmail\.com$|@(?:[\w-]+\.)*(?:outlook|hotmail|microsoft)\.com$/i,
    subject: /^complaint about message from/i,
  },
  { userAgent: 'AOL', from: /^scomp@aol\.(?:net|com)$/i, subject: /client tos notification|abuse/i },
  {
    userAgent: 'Yahoo',
    from: /@(?:[\w-]+\.)*yahoo(?:-inc)?\.com$/i,
    subject: /^(?:fw: ?)?abuse report|complaint/i,
  },
  {
    userAgent: 'feedback loop',
    from: /^(?:fbl|feedbackloop|complaints?|abuse|spam|staff)[\w.+-]*@/i,
    subject:
      /^(?:abuse report|spam report|complaint|feedback(?: loop)?|fbl)\b|(?:reported|marked) as spam|email feedback report for ip/i,
  },
];

/**
 * A complaint without a feedback report: Microsoft's JMRP, which attaches the message and names the complainer in
 * `X-HmXmrOriginalRecipient`, and a few others. Undefined: it is none.
 */
export const providerComplaint = (
  mail: Mail,
  returned: ReturnedMessage | null,
  returnedFields: Fields,
): Complaint | undefined => {
  const from = addressOf(field(mail.fields, 'from')) ?? '';
  const subject = field(mail.fields, 'subject') ?? '';
  const jmrp = returnedFields.has('x-hmxmroriginalrecipient') || mail.fields.has('x-hmxmroriginalrecipient');
  const known = providerComplaints.find((one) => one.from.test(from) && one.subject.test(subject));
  if (!jmrp && (known === undefined || returned === null)) return undefined;
  const { address, redacted } = complainer(
    jmrp && !returnedFields.has('x-hmxmroriginalrecipient') ? mail.fields : returnedFields,
    returned,
    returnedFields,
  );
  const fromWords = addressesOf(mail.text).find((one) => !isDaemon(one) && one !== from);
  return {
    type: 'abuse',
    address: address ?? (redacted ? null : (fromWords ?? null)),
    redacted,
    sourceIp: addressIn(`${subject} ${field(returnedFields, 'x-sid-pra', 'x-originating-ip') ?? ''}`),
    reportedDomain: domainOf(returned?.from ?? returned?.returnPath),
    userAgent: jmrp ? 'Microsoft JMRP' : (known?.userAgent ?? null),
    originalMailFrom: returned?.returnPath ?? null,
    arrivalDate: null,
    reportingMta: null,
    authFailure: null,
    incidents: 1,
  };
};
