/** From what a server said, or did not say, to what becomes of the message. Pure. */
import {
  classifyFailure,
  classifyReply,
  type FailureKind,
  type ReplyCategory,
  type ReplyPhase,
} from '@millrace/core';
import type { SendResult, SmtpError, SmtpPhase, SmtpReply } from '@millrace/smtp';
import type { Answer } from './delivery-event.ts';

/** What became of a try, before retries and expiry are looked at. */
export type TryResult =
  | { readonly kind: 'delivered'; readonly answer: Answer }
  | { readonly kind: 'deferred' | 'bounced'; readonly answer: Answer; readonly category: ReplyCategory }
  /** Nothing was tried: the connection was gone or worn out when the mail's turn came. */
  | { readonly kind: 'not_tried' }
  /** The journal could not be written and this mail must not go without. */
  | { readonly kind: 'withheld' };

/** What is known of the mail and the session it was given to. */
export interface TryFacts {
  /** Mails that the session had begun before this one. */
  readonly earlierMails: number;
  /** Not to be sent again when it may have arrived. */
  readonly atMostOnce: boolean;
}

export const answerOf = (reply: SmtpReply, phase: string | null): Answer => ({
  code: reply.code,
  enhanced: reply.enhanced,
  text: reply.text,
  phase,
});

/** Of the phases of a session those that a reply can be given in. */
const replyPhase = (phase: SmtpPhase): ReplyPhase => {
  switch (phase) {
    case 'rset':
    case 'idle':
    case 'quit':
      return 'mail';
    // A proxy gives no replies.
    case 'proxy':
      return 'connect';
    default:
      return phase;
  }
};

const failureKind = ({ code, phase }: SmtpError): FailureKind => {
  if (phase === 'proxy') return 'proxy';
  switch (code) {
    case 'ERR_SMTP_TIMEOUT':
      return 'timeout';
    case 'ERR_SMTP_TLS':
    case 'ERR_SMTP_TLS_REQUIRED':
      return 'tls';
    case 'ERR_SMTP_CONNECT':
    case 'ERR_SMTP_NOT_LOOPBACK':
    case 'ERR_SMTP_ABORTED':
      return 'connect';
    default:
      return 'lost';
  }
};

/** What a failure means that came with a reply, or without. */
export const failureResult = (error: SmtpError): Extract<TryResult, { kind: 'deferred' | 'bounced' }> => {
  const { reply, phase } = error;
  if (reply === undefined) {
    const { outcome, category } = classifyFailure(failureKind(error));
    const answer = { code: null, enhanced: null, text: error.message, phase };
    return { kind: outcome === 'bounced' ? 'bounced' : 'deferred', answer, category };
  }
  const { outcome, category } = classifyReply(reply, replyPhase(phase));
  return { kind: outcome === 'bounced' ? 'bounced' : 'deferred', answer: answerOf(reply, phase), category };
};

/** "Too many messages in this session", "max message per connection reached". */
const ofSession = /\b(?:per|this) (?:connection|session)\b/i;

/** A session that others have used may end at any moment (421, RFC 5321 3.8): that says nothing about this mail. */
const wornOut = (
  reply: SmtpReply,
  phase: SmtpPhase,
  category: ReplyCategory,
  earlierMails: number,
): boolean =>
  reply.code === 421 &&
  phase === 'mail' &&
  earlierMails > 0 &&
  (category === 'server_busy' || ofSession.test(reply.text));

/** What became of one mail that a session was given. */
export const tryResult = (result: SendResult, { earlierMails, atMostOnce }: TryFacts): TryResult => {
  switch (result.kind) {
    case 'delivered':
      return { kind: 'delivered', answer: answerOf(result.reply, null) };
    case 'refused': {
      const { reply, phase } = result;
      const { outcome, category } = classifyReply(reply, phase);
      if (wornOut(reply, phase, category, earlierMails)) return { kind: 'not_tried' };
      return {
        kind: outcome === 'bounced' ? 'bounced' : 'deferred',
        answer: answerOf(reply, phase),
        category,
      };
    }
    case 'failed': {
      const { error, dotSent } = result;
      if (error.code === 'ERR_SMTP_WITHHELD') return { kind: 'withheld' };
      if (dotSent && atMostOnce) {
        const text = `The connection ended before the answer: ${error.message}. It may have arrived and is not sent again.`;
        const answer = { code: null, enhanced: '4.4.2', text, phase: error.phase };
        return { kind: 'bounced', answer, category: 'connection_failed' };
      }
      if (!dotSent && earlierMails > 0 && error.phase !== 'body') return { kind: 'not_tried' };
      return failureResult(error);
    }
    default:
      return result satisfies never;
  }
};
