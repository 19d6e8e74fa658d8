/** For tests: a report, what came in with it, and the secrets of an installation. */
import { newMessageId } from '@millrace/core';
import type { FeedbackReport, ReportedRecipient } from '@millrace/feedback';
import { unsubscribeKeys, unsubscribeToken, verpAddress, verpToken } from '@millrace/message';
import type { InboundReport } from '@millrace/schemas';
import type { MatchOptions } from './match.ts';

export const secret = 'a secret of the tests';
export const messageId = newMessageId(1_800_000_000_000);
export const recipient = 'Bob@example.org';

export const matchOptions: MatchOptions = {
  returnPathDomains: new Set(['bounces.acme.example']),
  unsubscribeMailto: 'unsubscribe@acme.example',
  secret,
  complaintAddresses: ['fbl@acme.example'],
  tenants: ['acme', 'umbrella'],
  unsubscribeUrl: 'https://acme.example/unsubscribe/{token}',
  feedbackIdSender: 'millrace',
};

export const token = verpToken(messageId, { tenant: 'acme', recipient }, secret);
export const returnPath = verpAddress(token, 'bounces.acme.example');
export const link = unsubscribeToken(
  { messageId, tenant: 'acme', recipient, campaign: 'autumn', list: 'news' },
  unsubscribeKeys(secret),
);

export const reported = (overrides: Partial<ReportedRecipient> = {}): ReportedRecipient => ({
  address: recipient,
  finalAddress: null,
  action: 'failed',
  status: '5.1.1',
  replyCode: 550,
  category: 'invalid_recipient',
  hard: true,
  rule: 'enhanced-5.1.1',
  diagnostic: '550 5.1.1 User unknown',
  reportingMta: 'mx.example.org',
  remoteMta: null,
  evidence: 'delivery_status',
  confidence: 1,
  ...overrides,
});

export const bounce = (overrides: Partial<FeedbackReport> = {}): FeedbackReport => ({
  kind: 'bounce',
  reason: null,
  origin: 'postfix',
  recipients: [reported()],
  complaint: null,
  sentTo: [],
  from: null,
  subject: null,
  answers: [],
  returned: null,
  truncated: false,
  ...overrides,
});

export const returned = (overrides: object): FeedbackReport['returned'] => ({
  messageId: null,
  feedbackId: null,
  from: null,
  to: [],
  subject: null,
  date: null,
  returnPath: null,
  listUnsubscribe: null,
  xHeaders: {},
  ...overrides,
});

export const complaint = (type: string): FeedbackReport['complaint'] => ({
  ...{ type, address: recipient, redacted: false, sourceIp: null, reportedDomain: null, userAgent: null },
  ...{ originalMailFrom: null, arrivalDate: null, reportingMta: null, authFailure: null, incidents: 1 },
});

export const inbound = (overrides: Partial<InboundReport> = {}): InboundReport => ({
  ...{ report_id: 'r', source: 'smtp', received_at: 1_800_000_100_000, mail_from: null, recipients: [] },
  ...{ remote_address: null, raw: null, blob: null, token: null, list: null },
  ...overrides,
});
