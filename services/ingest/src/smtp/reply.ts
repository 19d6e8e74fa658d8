/** Replies of the submission server that carry an enhanced status code of their own (RFC 3463, RFC 2034). */
import { ProblemError } from '../problem.ts';

/** An error that smtp-server answers with: its code, then the text with the enhanced code in front. */
export class SmtpReply extends Error {
  readonly responseCode: number;

  constructor(code: number, enhanced: string, text: string, cause?: unknown) {
    super(`${enhanced} ${text}`, { cause });
    this.name = 'SmtpReply';
    this.responseCode = code;
  }
}

const ownEnhancedCode = /^[245]\.\d{1,3}\.\d{1,3} /;

/** Whether a reply's text begins with an enhanced code, so that none must be put before it. */
export const hasEnhancedCode = (text: unknown): boolean =>
  typeof text === 'string' && ownEnhancedCode.test(text);

/** What a problem means in SMTP: what can be tried again is 4xx, what the sender must change is 5xx. */
export const replyOf = (error: unknown): SmtpReply => {
  if (error instanceof SmtpReply) return error;
  if (!(error instanceof ProblemError))
    return new SmtpReply(451, '4.3.0', 'Local error, try again later', error);
  const text = error.message.replaceAll(/\s+/g, ' ').slice(0, 400);
  switch (error.code) {
    case 'unavailable':
      return new SmtpReply(451, '4.3.0', 'The queue cannot be reached, try again later', error);
    case 'internal':
    case 'idempotency-in-progress':
      return new SmtpReply(451, '4.3.0', 'Local error, try again later', error);
    case 'rate-limited':
      return new SmtpReply(450, '4.7.1', text, error);
    case 'sender-not-allowed':
    case 'insufficient-scope':
      return new SmtpReply(550, '5.7.1', text, error);
    case 'too-large':
      return new SmtpReply(552, '5.3.4', text, error);
    case 'storage-full':
      return new SmtpReply(452, '4.3.1', text, error);
    case 'malformed-json':
    case 'malformed-request':
    case 'unauthenticated':
    case 'not-found':
    case 'method-not-allowed':
    case 'unsupported-media-type':
    case 'invalid-request':
    case 'unknown-template':
    case 'invalid-template':
    case 'idempotency-mismatch':
      return new SmtpReply(554, '5.6.0', text, error);
    default:
      return error.code satisfies never;
  }
};
