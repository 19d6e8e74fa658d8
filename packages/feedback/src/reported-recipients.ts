/** The recipients that a bounce or a delay warning reports on, each with what it means. */
import {
  addressesOf,
  isAddress,
  isDaemon,
  localPart,
  normal,
  sameAddress,
  verpRecipient,
} from './addresses.ts';
import type { DeliveryStatus, RecipientStatus } from './delivery-status.ts';
import { diagnose } from './diagnosis.ts';
import { isDelay } from './failure-words.ts';
import { field } from './fields.ts';
import type { OpenedReport } from './opened-report.ts';
import type { AddressEvidence, ReportAction, ReportedRecipient } from './report.ts';
import { nearAddress, textRecipients } from './text-recipients.ts';

const longestDiagnostic = 2_000;

interface Reported {
  readonly address: string | null;
  readonly finalAddress: string | null;
  readonly action: ReportAction;
  readonly status: string | null;
  readonly diagnostic: string | null;
  readonly remoteMta: string | null;
  readonly evidence: AddressEvidence;
  readonly confidence: number;
}

const recipient = (reported: Reported, report: OpenedReport): ReportedRecipient => {
  const { address, finalAddress, action, status, diagnostic, remoteMta, evidence, confidence } = reported;
  const about = [finalAddress, address].find((one) => one !== null && report.words.includes(one));
  const filled = (text: string): boolean => text !== '';
  const near = about === undefined || about === null ? '' : nearAddress(report.words, about);
  const own = [diagnostic ?? '', near].filter(filled);
  const whole = [report.words.replace(/\s+/g, ' '), report.subject].filter(filled);
  const { status: found, replyCode, category, hard, rule } = diagnose(status, action, own, whole);
  return {
    address,
    finalAddress,
    action,
    status: found,
    replyCode,
    category,
    hard: hard && action === 'failed',
    rule,
    diagnostic: diagnostic?.slice(0, longestDiagnostic) ?? null,
    reportingMta: report.status?.reportingMta ?? null,
    remoteMta,
    evidence,
    confidence,
  };
};

/** A local name as an address: the one that the message was for, else one of the reporting host. */
const completed = (local: string, report: OpenedReport): string | null => {
  const bare = local.replace(/@.*$/, '').toLowerCase();
  const known = report.expected.find((address) => localPart(address).toLowerCase() === bare);
  if (known !== undefined) return known;
  const near = addressesOf(report.words.slice(0, 10_000)).find(
    (address) => localPart(address).toLowerCase() === bare,
  );
  if (near !== undefined) return near;
  // At a domain that cannot be, which is why it failed.
  if (/^[^@]+@[^@]+$/.test(local)) return normal(local);
  const host = report.status?.reportingMta ?? null;
  const made = `${local}@${host ?? ''}`;
  return host !== null && isAddress(made) ? normal(made) : null;
};

const actionOf = (status: RecipientStatus, report: OpenedReport): ReportAction => {
  if (status.action !== null) return status.action;
  if (status.status?.startsWith('2')) return 'delivered';
  if (status.status?.startsWith('5')) return 'failed';
  return isDelay(report.subject, report.words) ? 'delayed' : 'failed';
};

const ofStatus = (status: RecipientStatus, report: OpenedReport): ReportedRecipient | undefined => {
  const final =
    status.final === null || isAddress(status.final) ? status.final : completed(status.final, report);
  const address = status.original ?? final;
  if (address === null) return undefined;
  return recipient(
    {
      address,
      finalAddress: final !== null && !sameAddress(final, address) ? final : null,
      action: actionOf(status, report),
      status: status.status,
      diagnostic: status.diagnostic,
      remoteMta: status.remoteMta,
      evidence: 'delivery_status',
      confidence: status.action !== null && isAddress(status.final ?? status.original ?? '') ? 1 : 0.85,
    },
    report,
  );
};

/** The domain of an author without the names of hosts: `mr2.its.example.edu` as `example.edu`. */
const organisationOf = (from: string): string => {
  const labels = from.slice(from.lastIndexOf('@') + 1).split('.');
  const [, second = ''] = labels.toReversed();
  return labels.slice(/^(?:co|com|ac|or|ne|go|edu|gov|org|net)$/.test(second) ? -3 : -2).join('.');
};

const once = (recipients: readonly ReportedRecipient[]): readonly ReportedRecipient[] => {
  const seen = new Set<string>();
  return recipients.filter(({ address }) => {
    const key = (address ?? '').toLowerCase();
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
};

/** Recipients of a delivery status; none: it names nobody. */
export const statusRecipients = (
  status: DeliveryStatus,
  report: OpenedReport,
): readonly ReportedRecipient[] =>
  once(status.recipients.map((one) => ofStatus(one, report)).filter((one) => one !== undefined));

/** Addresses in fields of the report that are there for it. */
const failedRecipients = (report: OpenedReport): readonly string[] => [
  ...new Set(
    ['x-failed-recipients', 'x-failed-recipient', 'x-bounced-recipient', 'x-undelivered-to'].flatMap((name) =>
      (report.fields.get(name) ?? []).flatMap(addressesOf),
    ),
  ),
];

export const hasFailedRecipients = (report: OpenedReport): boolean => failedRecipients(report).length > 0;

/**
 * Recipients of a report without a delivery status that names them: by its fields, its words, the message that came
 * back, the address that it was sent to. Where nothing names one, a single recipient without address.
 */
export const wordRecipients = (report: OpenedReport): readonly ReportedRecipient[] => {
  const action: ReportAction = isDelay(report.subject, report.words) ? 'delayed' : 'failed';
  const status = report.status?.recipients.find((one) => one.status !== null)?.status ?? null;
  const make = (
    address: string | null,
    diagnostic: string,
    evidence: AddressEvidence,
    confidence: number,
  ): ReportedRecipient =>
    recipient(
      {
        address,
        finalAddress: null,
        action,
        status,
        diagnostic: diagnostic === '' ? null : diagnostic,
        remoteMta: null,
        evidence,
        confidence,
      },
      report,
    );
  const bystanders = {
    addresses: [
      report.from,
      ...report.sentTo,
      ...[report.returned?.from, report.returned?.returnPath].filter(
        (one) => one !== null && one !== undefined,
      ),
    ],
    expected: report.expected,
    localDomain: organisationOf(report.from),
  };
  const words = textRecipients(report.words, report.table, bystanders);
  const failed = failedRecipients(report);
  if (failed.length > 0)
    return failed.map((address) => {
      const said = words.find((one) => sameAddress(one.address, address))?.diagnostic ?? '';
      return make(address, said, 'header', 0.95);
    });
  if (words.length > 0)
    return words.map(({ address, diagnostic, evidence, confidence }) => {
      const sure = report.expected.some((one) => sameAddress(one, address));
      return make(address, diagnostic, evidence, sure ? Math.max(confidence, 0.95) : confidence);
    });
  const verp = report.sentTo.map(verpRecipient).find((address) => address !== undefined);
  if (verp !== undefined) return [make(verp, '', 'verp', 0.8)];
  const to = report.returned?.to.filter((address) => !isDaemon(address)) ?? [];
  if (to.length === 1 && to[0] !== undefined) return [make(to[0], '', 'returned_message', 0.7)];
  const delivered = field(report.returnedFields, 'x-original-to', 'delivered-to', 'envelope-to');
  const [only] = addressesOf(delivered);
  if (only !== undefined) return [make(only, '', 'returned_message', 0.6)];
  return [make(null, '', 'none', 0)];
};
