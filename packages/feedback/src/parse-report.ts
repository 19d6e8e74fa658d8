/** One mail in, one report out. */
import { isDaemon } from './addresses.ts';
import { parseFeedbackReport, providerComplaint } from './complaint.ts';
import { hasFailureSubject, hasFailureWords } from './failure-words.ts';
import { field } from './fields.ts';
import {
  hasAbsenceWords,
  hasAutoReplyField,
  hasAutoReplySubject,
  hasAutoReplyWords,
  isAuthenticationReport,
  isChallenge,
  isOfChallenger,
  isOfList,
  isOfMachine,
  isReadReceipt,
  isUnsubscribe,
} from './machine-mail.ts';
import { openMail } from './mail.ts';
import { type OpenedReport, openReport, partOf } from './opened-report.ts';
import type { Complaint, FeedbackReport, ReportedRecipient, ReportKind, UnknownReason } from './report.ts';
import { hasFailedRecipients, statusRecipients, wordRecipients } from './reported-recipients.ts';
import { idsIn } from './returned.ts';

export interface ParseOptions {
  /** So many bytes from the start are looked at. Default 1 MiB; a report says what it has to say long before. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 1_048_576;

interface Finding {
  readonly kind: ReportKind;
  readonly reason?: UnknownReason;
  readonly recipients?: readonly ReportedRecipient[];
  readonly complaint?: Complaint;
}

const unknown = (reason: UnknownReason): Finding => ({ kind: 'unknown', reason });

/** What recipients that are reported on make of the report. */
const ofRecipients = (recipients: readonly ReportedRecipient[]): Finding => {
  const has = (action: ReportedRecipient['action']): boolean =>
    recipients.some((one) => one.action === action);
  if (has('failed')) return { kind: 'bounce', recipients };
  if (has('delayed')) return { kind: 'delay', recipients };
  return { kind: 'unknown', reason: 'delivered', recipients };
};

const complaintIn = (report: OpenedReport): Complaint | undefined => {
  const { mail, returned, returnedFields } = report;
  const part = partOf(mail, 'message/feedback-report', 'text/feedback-report', 'message/x-feedback-report');
  if (part !== undefined) return parseFeedbackReport(part.text, returned, returnedFields);
  if (/report-type\s{0,4}=\s{0,4}"?feedback-report/.test(report.contentType)) {
    const loose = mail.parts.find(({ text }) => /^feedback-type\s{0,4}:/im.test(text.slice(0, 5_000)));
    const words = /^feedback-type\s{0,4}:/im.exec(mail.text.slice(0, 20_000));
    const text = loose?.text ?? (words === null ? '' : mail.text.slice(words.index));
    return parseFeedbackReport(text, returned, returnedFields);
  }
  return providerComplaint(mail, returned, returnedFields);
};

const isOfDaemon = ({ from, fields }: OpenedReport): boolean =>
  (from !== '' && isDaemon(from)) ||
  /mail(?:er)?[ -]?(?:delivery|deamon|daemon)|delivery (?:subsystem|system|service|agent)|postmaster|system administrator|mail administrator|maildelivery/i.test(
    (field(fields, 'from') ?? '').slice(0, 300),
  ) ||
  // An author there is not, as some servers have it.
  /^\s*(?:<>|mailer-daemon)\s*$/i.test(field(fields, 'from') ?? '');

/** A sentence that only the report of a failure has. */
const isStrongFailure = (words: string): boolean =>
  /(?:your (?:message|e-?mail|mail)|the (?:message|e-?mail)(?: below| you sent)?)[^\n.]{0,80}(?:could not|couldn't|can(?:not|'t)|was not|has not) (?:be |been )?(?:delivered|sent)/i.test(
    words.slice(0, 2_000),
  );

/** True: the mail says that another one has not arrived, whoever wrote it. */
const isOfFailure = (report: OpenedReport): boolean => {
  const { subject, words, contentType, table } = report;
  if (hasFailedRecipients(report)) return true;
  if (/report-type\s{0,4}=\s{0,4}"?delivery-status/.test(contentType)) return true;
  const bySubject = hasFailureSubject(subject);
  const byWords = hasFailureWords(words);
  if (isOfDaemon(report)) return byWords || bySubject || table !== undefined;
  if (/^\s*(?:re|aw|sv|fwd?|wg)\s{0,2}:/i.test(subject))
    return (table !== undefined && bySubject && byWords) || isStrongFailure(words);
  return (table !== undefined && (byWords || bySubject)) || (bySubject && byWords);
};

const find = (report: OpenedReport): Finding => {
  const { subject, words, contentType, fields, status, sentTo } = report;
  const complaint = complaintIn(report);
  if (complaint !== undefined) return { kind: 'complaint', complaint };
  if (isAuthenticationReport(subject, contentType, fields)) return unknown('authentication_report');
  if (isOfChallenger(fields)) return unknown('challenge');
  if (status !== undefined) {
    const recipients = statusRecipients(status, report);
    if (recipients.length > 0) return ofRecipients(recipients);
  }
  const ofDaemon = isOfDaemon(report);
  const ofFailure = isOfFailure(report);
  const disposition = partOf(report.mail, 'message/disposition-notification');
  if (isReadReceipt(subject, contentType) || disposition !== undefined) {
    // Dovecot and Sieve refuse with a disposition notification, RFC 5429 2.2.
    const refused = disposition !== undefined && /reject/i.test(`${subject} ${words.slice(0, 500)}`);
    return refused ? ofRecipients(wordRecipients(report)) : unknown('read_receipt');
  }
  if (!hasFailedRecipients(report)) {
    const automatic = hasAutoReplyField(fields);
    const absent = hasAutoReplySubject(subject) || hasAutoReplyWords(words);
    if (isChallenge(subject, words)) return unknown('challenge');
    if (!ofDaemon || !ofFailure) {
      if (hasAutoReplySubject(subject) && !(ofFailure && ofDaemon)) return { kind: 'auto-reply' };
      if (automatic && (!ofFailure || absent || report.table === undefined)) return { kind: 'auto-reply' };
      if (absent && isOfMachine(fields) && !ofFailure) return { kind: 'auto-reply' };
    }
  }
  if (!ofFailure && isUnsubscribe(subject, words, sentTo)) return { kind: 'unsubscribe' };
  if (ofFailure) {
    const recipients = wordRecipients(report);
    const named = recipients.some(({ address }) => address !== null);
    // Words that only sound like a failure, from somebody who names nobody.
    if (!named && isOfList(subject, fields)) return unknown('list');
    if (!named && !ofDaemon) return unknown(report.table === undefined ? 'mail' : 'no_recipient');
    return ofRecipients(recipients);
  }
  if (isOfList(subject, fields)) return unknown('list');
  if (hasAbsenceWords(words)) return { kind: 'auto-reply' };
  if (hasAutoReplyWords(words) && (isOfMachine(fields) || field(fields, 'in-reply-to') !== undefined))
    return { kind: 'auto-reply' };
  if (isOfMachine(fields) && field(fields, 'in-reply-to', 'references') !== undefined)
    return { kind: 'auto-reply' };
  return unknown(ofDaemon ? 'no_recipient' : 'mail');
};

const notMail: FeedbackReport = {
  kind: 'unknown',
  reason: 'not_mail',
  origin: null,
  recipients: [],
  complaint: null,
  sentTo: [],
  from: null,
  subject: null,
  answers: [],
  returned: null,
  truncated: false,
};

/** A report that a gateway has put into a mail of its own is opened so many times. */
const mostWrappings = 2;

/** Reads a report. Never throws for what the bytes are: those that are no mail give `unknown` with reason `not_mail`. */
export const parseReport = async (raw: Buffer, options: ParseOptions = {}): Promise<FeedbackReport> =>
  parseWrapped(raw, options.maxBytes ?? defaultMaxBytes, mostWrappings);

const parseWrapped = async (raw: Buffer, maxBytes: number, wrappings: number): Promise<FeedbackReport> => {
  const mail = await openMail(raw, maxBytes);
  if (mail === undefined) return notMail;
  const report = openReport(mail);
  const inner = wrappings > 0 ? await wrapped(report, maxBytes, wrappings) : undefined;
  if (inner !== undefined) return { ...inner, sentTo: [...new Set([...report.sentTo, ...inner.sentTo])] };
  return written(report);
};

/** What a report says that came as an attachment of a mail that says nothing itself. */
const wrapped = async (
  { mail, status, contentType }: OpenedReport,
  maxBytes: number,
  wrappings: number,
): Promise<FeedbackReport | undefined> => {
  if ((status?.recipients.length ?? 0) > 0 || contentType.startsWith('multipart/report')) return undefined;
  const part = partOf(mail, 'message/rfc822');
  if (part === undefined || !/^content-type:\s{0,40}multipart\/report/im.test(part.text.slice(0, 20_000)))
    return undefined;
  const inner = await parseWrapped(Buffer.from(part.text), maxBytes, wrappings - 1);
  const tells = inner.kind === 'bounce' || inner.kind === 'delay' || inner.kind === 'complaint';
  return tells ? inner : undefined;
};

const written = (report: OpenedReport): FeedbackReport => {
  const { mail } = report;
  const { kind, reason = null, recipients = [], complaint = null } = find(report);
  return {
    kind,
    reason: kind === 'unknown' ? reason : null,
    origin: originName(report, kind),
    recipients,
    complaint,
    sentTo: report.sentTo,
    from: report.from === '' ? null : report.from,
    subject: report.subject === '' ? null : report.subject.slice(0, 1_000),
    answers: [
      ...new Set([...idsIn(field(mail.fields, 'in-reply-to')), ...idsIn(field(mail.fields, 'references'))]),
    ],
    returned: report.returned,
    truncated: mail.truncated,
  };
};

const originName = ({ table, from }: OpenedReport, kind: ReportKind): string | null => {
  if (kind !== 'complaint') return kind === 'bounce' || kind === 'delay' ? (table?.origin ?? null) : null;
  if (/@(?:[\w-]+\.)*(?:hotmail|outlook|microsoft|live)\.\w+$/i.test(from)) return 'outlook';
  if (/@(?:[\w-]+\.)*(?:yahoo|yahoo-inc|yahooinc)\.\w+$/i.test(from)) return 'yahoo';
  return table?.origin ?? null;
};
