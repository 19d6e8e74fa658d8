/** One mail in, one report out. */
import type { FeedbackReport } from './report.ts';

export interface ParseOptions {
  /** So many bytes from the start are looked at. Default 1 MiB; a report says what it has to say long before. */
  readonly maxBytes?: number;
}

/** Reads a report. Never throws for what the bytes are: those that are no mail give `unknown` with reason `not_mail`. */
export const parseReport = async (_raw: Buffer, _options: ParseOptions = {}): Promise<FeedbackReport> => ({
  kind: 'unknown',
  reason: 'mail',
  origin: null,
  recipients: [],
  complaint: null,
  sentTo: [],
  from: null,
  subject: null,
  answers: [],
  returned: null,
  truncated: false,
});
