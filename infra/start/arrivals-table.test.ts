import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrivalsTable } from './arrivals-table.ts';
import type { DemonstratedMail } from './demonstration.ts';

const mail = (
  stream: DemonstratedMail['stream'],
  provider: string,
  tookMs: number,
  more: Partial<DemonstratedMail> = {},
): DemonstratedMail => ({
  stream,
  provider,
  tookMs,
  tls: true,
  spf: 'pass',
  dkim: 'pass',
  dmarc: 'pass',
  ...more,
});

test('a row a provider, realtime first, the quickest before the slower, a time a mail', () => {
  const table = arrivalsTable({
    sent: 4,
    mails: [
      mail('batch', 'yahoo', 812.4),
      mail('batch', 'gmail', 30.6),
      mail('batch', 'yahoo', 41),
      mail('realtime', 'gmail', 99, { dkim: 'fail', tls: false }),
    ],
  });
  assert.deepEqual(table, [
    'stream    provider  mails  TLS  SPF   DKIM  DMARC  ms from the API call to the mailbox, each',
    'realtime  gmail         1  no   pass  fail  pass     99',
    'batch     gmail         1  yes  pass  pass  pass     31',
    'batch     yahoo         2  yes  pass  pass  pass     41  812',
  ]);
});

test('what did not arrive is counted', () => {
  const table = arrivalsTable({ sent: 3, mails: [mail('batch', 'gmail', 5)] });
  assert.match(table.at(-1) ?? '', /^2 did not arrive within a minute: npx millrace status/);
});
