/**
 * What comes back for mail that was sent: bytes of a report in, {@link FeedbackReport} out. No clock, no Kafka, no
 * network: a better parser can be run again over old reports.
 */
export { isAgainstTheMail } from './complaint.ts';
export { isMbox, MboxSplitter, splitMbox } from './mbox.ts';
export { originNames } from './origins/index.ts';
export { type ParseOptions, parseReport } from './parse-report.ts';
export type {
  AddressEvidence,
  Complaint,
  FeedbackReport,
  ReportAction,
  ReportedRecipient,
  ReportKind,
  ReturnedMessage,
  UnknownReason,
} from './report.ts';
