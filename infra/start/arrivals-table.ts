/** What the demonstration brought to the sandbox, as a table: a row a provider, a time a mail. */
import type { DemonstratedMail, Demonstration } from './demonstration.ts';

interface Row {
  readonly stream: string;
  readonly provider: string;
  readonly mails: readonly DemonstratedMail[];
}

/** Lines of the table, then the sentence about what did not arrive if anything did not. */
export function arrivalsTable({ sent, mails }: Demonstration): string[] {
  const rows = rowsOf(mails);
  const cells = [
    [
      'stream',
      'provider',
      'mails',
      'TLS',
      'SPF',
      'DKIM',
      'DMARC',
      'ms from the API call to the mailbox, each',
    ],
    ...rows.map(({ stream, provider, mails: ofRow }) => [
      stream,
      provider,
      String(ofRow.length),
      ofRow.every((mail) => mail.tls) ? 'yes' : 'no',
      worst(ofRow.map((mail) => mail.spf)),
      worst(ofRow.map((mail) => mail.dkim)),
      worst(ofRow.map((mail) => mail.dmarc)),
      ofRow.map((mail) => String(Math.round(mail.tookMs)).padStart(4)).join(' '),
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, column) =>
        column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return mails.length === sent ? lines : [...lines, missing(sent - mails.length)];
}

const missing = (count: number): string =>
  `${count} did not arrive within a minute: npx millrace status and npx millrace events say why.`;

/** Realtime first, then the providers as they come; in each the quickest first. */
function rowsOf(mails: readonly DemonstratedMail[]): Row[] {
  const rows = new Map<string, DemonstratedMail[]>();
  for (const mail of mails.toSorted((a, b) => a.tookMs - b.tookMs)) {
    const key = `${mail.stream} ${mail.provider}`;
    rows.set(key, [...(rows.get(key) ?? []), mail]);
  }
  return [...rows]
    .map(([key, ofRow]) => {
      const [stream = '', provider = ''] = key.split(' ');
      return { stream, provider, mails: ofRow };
    })
    .toSorted((a, b) => Number(b.stream === 'realtime') - Number(a.stream === 'realtime'));
}

const worst = (results: readonly string[]): string => results.find((result) => result !== 'pass') ?? 'pass';
