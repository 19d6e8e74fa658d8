import type { SmtpReply } from './smtp-reply.ts';

/**
 * Where in a session something happened; `proxy` is before our own proxy has done its part, `body` is from the first byte
 * of the mail to the answer to its final dot.
 */
export type SmtpPhase =
  | 'proxy'
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'tls'
  | 'rset'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'idle'
  | 'quit'
  | 'auth';

/**
 * What kind of failure; never changes.
 * `PROXY`: our own proxy on the way failed, nothing is known of the server. `CONNECT`: no TCP connection (its cause has
 * the system's code). `REFUSED`: the server answered no (`reply`).
 * `TLS`: handshake or certificate. `TLS_REQUIRED`: not offered, and this mail must not go without.
 * `CLOSED`: the server closed or the network broke. `PROTOCOL`: the server speaks no SMTP.
 * `WITHHELD`: the caller's `beforeDot` failed, so the mail was not completed.
 */
export type SmtpErrorCode =
  | 'ERR_SMTP_NOT_LOOPBACK'
  | 'ERR_SMTP_PROXY'
  | 'ERR_SMTP_CONNECT'
  | 'ERR_SMTP_REFUSED'
  | 'ERR_SMTP_TIMEOUT'
  | 'ERR_SMTP_TLS'
  | 'ERR_SMTP_TLS_REQUIRED'
  | 'ERR_SMTP_CLOSED'
  | 'ERR_SMTP_PROTOCOL'
  | 'ERR_SMTP_AUTH'
  | 'ERR_SMTP_ABORTED'
  | 'ERR_SMTP_WITHHELD';

/** A session that could not begin, or that ended before its time. */
export class SmtpError extends Error {
  readonly code: SmtpErrorCode;
  readonly phase: SmtpPhase;
  /** The reply that ended it; undefined where none did. */
  readonly reply: SmtpReply | undefined;

  constructor(
    code: SmtpErrorCode,
    phase: SmtpPhase,
    message: string,
    options: { readonly reply?: SmtpReply | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'SmtpError';
    this.code = code;
    this.phase = phase;
    this.reply = options.reply;
  }
}
