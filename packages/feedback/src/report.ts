/** What a report says, once it has been read. */
import type { ReplyCategory } from '@millrace/core';

/**
 * `bounce`: at least one recipient failed for good as far as the reporting server goes; `delay`: it still tries;
 * `complaint`: a person, or a filter for them, called the mail spam (RFC 5965), or took the sender's address off;
 * `auto-reply`: a vacation notice or another answer of a machine (RFC 3834); `unsubscribe`: a mail to an unsubscribe
 * address (RFC 2369); `unknown`: nothing that changes anything, for the reason given.
 */
export type ReportKind = 'bounce' | 'delay' | 'complaint' | 'auto-reply' | 'unsubscribe' | 'unknown';

/** Why a mail is `unknown`. */
export type UnknownReason =
  /** A DSN or note that the mail has arrived, was relayed or expanded. RFC 3464 2.3.3. */
  | 'delivered'
  /** A disposition notification: it was read, or deleted. RFC 8098. */
  | 'read_receipt'
  /** Asks the sender to prove that they are a person. */
  | 'challenge'
  /** Written by list software, or carried by a list. */
  | 'list'
  /** A DMARC aggregate or TLS report. RFC 7489, RFC 8460. */
  | 'authentication_report'
  /** Looks like a bounce, but names no recipient. */
  | 'no_recipient'
  /** Mail of a person or a spammer, or of a machine that nobody knows. */
  | 'mail'
  /** There is no mail in these bytes. */
  | 'not_mail';

/** What the reporting server did. RFC 3464 2.3.3. */
export type ReportAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

/** Where the address of a recipient was read. */
export type AddressEvidence =
  /** `Final-Recipient` or `Original-Recipient` of a delivery status. */
  | 'delivery_status'
  /** `X-Failed-Recipients` or another field of the report for it. */
  | 'header'
  /** The words of the report, by the rules of its origin. */
  | 'rule'
  /** The words of the report, by what servers have in common. */
  | 'text'
  /** To of the returned message. */
  | 'returned_message'
  /** The address that the report was sent to. */
  | 'verp'
  /** Nowhere: the address is null. */
  | 'none';

export interface ReportedRecipient {
  /**
   * As the sender knew it: the original recipient where it is named, else the final one. Domain in lower case. Null: the
   * report names nobody, and only the message that it is matched to can.
   */
  readonly address: string | null;
  /** Where it went in the end, when that is another address (an alias, a forward). */
  readonly finalAddress: string | null;
  readonly action: ReportAction;
  /** Enhanced status code, `5.1.1`. RFC 3463. */
  readonly status: string | null;
  /** SMTP reply code, 400 to 599. */
  readonly replyCode: number | null;
  readonly category: ReplyCategory;
  /** True: no time changes it. False: mailbox full, busy, blocked ... A hard one is a reason to suppress only in a category of `recipientCategories`. */
  readonly hard: boolean;
  /** Name of the rule that gave the category; `millrace classify` shows the same. */
  readonly rule: string;
  /** What the server answered, on one line. */
  readonly diagnostic: string | null;
  /** Host that made the report. */
  readonly reportingMta: string | null;
  /** Host that refused. */
  readonly remoteMta: string | null;
  readonly evidence: AddressEvidence;
  /** How sure the address is, 0 to 1. */
  readonly confidence: number;
}

/** Feedback types of RFC 5965 7.3 and those that providers added. */
export interface Complaint {
  /** `abuse`, `fraud`, `virus`, `not-spam`, `opt-out`, `auth-failure`, `other` ...; in lower case. */
  readonly type: string;
  /** Who complained; null: redacted (RFC 6590), and nothing else names them. */
  readonly address: string | null;
  /** The address came as a stand-in for the true one: `redacted@yahoo.com`, a hash. */
  readonly redacted: boolean;
  readonly sourceIp: string | null;
  readonly reportedDomain: string | null;
  readonly userAgent: string | null;
  readonly originalMailFrom: string | null;
  /** As written. */
  readonly arrivalDate: string | null;
  readonly reportingMta: string | null;
  /** Identity results of an auth-failure report, RFC 6591. */
  readonly authFailure: string | null;
  readonly incidents: number;
}

/** What of the message that was reported on came back, for finding it. */
export interface ReturnedMessage {
  /** Without angle brackets. */
  readonly messageId: string | null;
  readonly feedbackId: string | null;
  readonly from: string | null;
  readonly to: readonly string[];
  readonly subject: string | null;
  readonly date: string | null;
  readonly returnPath: string | null;
  readonly listUnsubscribe: string | null;
  /** X-header fields, names in lower case. */
  readonly xHeaders: Readonly<Record<string, string>>;
}

export interface FeedbackReport {
  readonly kind: ReportKind;
  /** Why `unknown`; null for every other kind. */
  readonly reason: UnknownReason | null;
  /** Software or provider that wrote it: `postfix`, `exchange`, `gmail` ...; null: not recognised. */
  readonly origin: string | null;
  /** Recipients reported on: of a bounce or delay all of them, of a receipt those that it arrived for. */
  readonly recipients: readonly ReportedRecipient[];
  readonly complaint: Complaint | null;
  /** Addresses that the report itself was sent to (envelope first, where a field keeps it): one may be a VERP address. */
  readonly sentTo: readonly string[];
  /** Author of the report. */
  readonly from: string | null;
  readonly subject: string | null;
  /** Message-IDs that the report answers (In-Reply-To, References), without angle brackets. */
  readonly answers: readonly string[];
  readonly returned: ReturnedMessage | null;
  /** The bytes went beyond what is looked at. */
  readonly truncated: boolean;
}
