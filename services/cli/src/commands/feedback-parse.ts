/** `millrace feedback parse`: what reports say. */
import { type FeedbackReport, parseReport, type ReportedRecipient } from '@millrace/feedback';
import type { CommandContext } from '../context.ts';
import type { Ending } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import { readMails } from '../report-files.ts';
import { tableOf } from '../terminal.ts';

export interface ParseFlags {
  readonly mbox?: boolean;
}

/** Rows that one table holds; a further one begins another. */
const rowsAtOnce = 500;

/** Throws nothing for a file that is wrong: it is named, the others are parsed, and the command ends as `usage`. */
export async function parseReports(
  context: CommandContext,
  names: readonly string[],
  flags: ParseFlags,
): Promise<Ending> {
  const { terminal, json, signal } = context;
  const rows: string[][] = [];
  const counts = new Map<string, number>();
  let problems = 0;
  const problem = (file: string, why: string): void => {
    problems++;
    if (json) terminal.problem(JSON.stringify({ error: { code: 'ERR_FILE', file, message: why } }));
    else terminal.problem(`millrace: ${printable(file)}: ${why}.`);
  };
  const show = (): void => {
    if (rows.length > 0) terminal.line(tableOf(terminal, heads, rows.splice(0)));
  };
  for await (const mail of readMails(context, names, flags.mbox === true)) {
    if (signal.aborted) break;
    if ('problem' in mail) {
      problem(mail.file, mail.problem);
      continue;
    }
    const report = await parseReport(mail.raw);
    if (report.reason === 'not_mail') {
      problem(mail.file, 'this is no mail: it does not begin with header fields');
      continue;
    }
    counts.set(report.kind, (counts.get(report.kind) ?? 0) + 1);
    if (json) {
      terminal.line(JSON.stringify(lineOf(mail.file, report)));
      continue;
    }
    rows.push(...rowsOf(mail.file, report));
    if (rows.length >= rowsAtOnce) show();
  }
  if (!json) {
    show();
    terminal.line(terminal.paint('gray', summaryOf(counts, problems)));
  }
  return problems > 0 ? 'usage' : 'ok';
}

const heads = ['FILE', 'KIND', 'ORIGIN', 'ADDRESS', 'ACTION', 'STATUS', 'CODE', 'CATEGORY', 'HARD'];

const rowsOf = (file: string, report: FeedbackReport): string[][] => {
  const { kind, origin, recipients, complaint, reason } = report;
  const start = [printable(file), kind, origin ?? '-'];
  if (complaint !== null)
    return [[...start, printable(complaint.address ?? '-'), '-', '-', '-', complaint.type, '-']];
  if (recipients.length === 0) return [[...start, '-', '-', '-', '-', reason ?? '-', '-']];
  return recipients.map((one, index) => [
    ...(index === 0 ? start : ['', '', '']),
    printable(one.address ?? '-'),
    one.action,
    one.status ?? '-',
    one.replyCode === null ? '-' : String(one.replyCode),
    one.category,
    one.action === 'failed' ? (one.hard ? 'hard' : 'soft') : '-',
  ]);
};

const summaryOf = (counts: ReadonlyMap<string, number>, problems: number): string => {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const kinds = [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
  const rest = problems > 0 ? `; not read: ${problems}` : '';
  return `${total} ${total === 1 ? 'report' : 'reports'}${kinds === '' ? '' : `: ${kinds}`}${rest}`;
};

/** One line of `--json`: what scripts rely on. docs/cli.md says the same. */
const lineOf = (file: string, report: FeedbackReport): object => {
  const { kind, reason, origin, recipients, complaint, returned, sentTo, answers } = report;
  return {
    file,
    kind,
    origin,
    recipients: recipients.map(recipientOf),
    complaint:
      complaint === null
        ? null
        : {
            type: complaint.type,
            address: complaint.address,
            sourceIp: complaint.sourceIp,
            reportedDomain: complaint.reportedDomain,
            userAgent: complaint.userAgent,
          },
    matched: {
      messageId: returned?.messageId ?? answers[0] ?? null,
      feedbackId: returned?.feedbackId ?? null,
      sentTo,
      returnedTo: returned?.to ?? [],
      subject: returned?.subject ?? null,
      xHeaders: returned?.xHeaders ?? {},
      reason,
    },
  };
};

const recipientOf = (one: ReportedRecipient): object => ({
  address: one.address,
  action: one.action,
  status: one.status,
  replyCode: one.replyCode,
  category: one.category,
  hard: one.hard,
  diagnostic: one.diagnostic,
});
