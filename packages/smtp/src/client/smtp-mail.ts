import type { SmtpError, SmtpPhase } from './smtp-error.ts';
import type { SmtpReply } from './smtp-reply.ts';

/** One mail to one recipient. */
export interface SmtpMail {
  /** Envelope sender; '' is the null sender `<>`. */
  readonly mailFrom: string;
  readonly rcptTo: string;
  /** RFC 5322 with CRLF line ends, not dot-stuffed. It is not changed and must not change until the result is there. */
  readonly data: Buffer;
  /** Addresses or header fields beyond ASCII: only a server with SMTPUTF8 (RFC 6531) may get it. */
  readonly smtpUtf8: boolean;
  /** Bytes above 127 in the body: only a server with 8BITMIME (RFC 6152) may get it. */
  readonly eightBit: boolean;
  /** Declared as SIZE= (RFC 1870); default: the data's length. */
  readonly sizeBytes?: number;
  /** The whole mail from `send` to its answer, ms; default: only the limits of each phase. */
  readonly deadlineMs?: number;
}

export interface SendHooks {
  /**
   * Called when the mail's commands go out and waited for while they are on their way: the final dot is sent only
   * after it resolved. When it rejects, the mail is not completed and the connection is closed.
   */
  readonly beforeDot?: () => Promise<void> | undefined;
  /**
   * Called when the network has all of the mail: from then on, and with the result there, nobody here reads `data` any more.
   * Not called where the connection ended before, nor by relays.
   */
  readonly taken?: () => void;
}

/** What became of one mail. */
export type SendResult =
  /** The server has taken responsibility. */
  | { readonly kind: 'delivered'; readonly reply: SmtpReply }
  /** A 4xx or 5xx. `local`: the server was not asked, since it does not offer what this mail needs. */
  | {
      readonly kind: 'refused';
      readonly phase: 'mail' | 'rcpt' | 'data' | 'body';
      readonly reply: SmtpReply;
      readonly local: boolean;
    }
  /**
   * No answer: connection lost, time over, server out of its mind. `dotSent` false: certainly not delivered;
   * true: the server may or may not have it.
   */
  | {
      readonly kind: 'failed';
      readonly phase: SmtpPhase;
      readonly error: SmtpError;
      readonly dotSent: boolean;
    };
