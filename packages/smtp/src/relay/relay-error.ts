import { ReplyParser } from '../client/reply-parser.ts';
import { SmtpError, type SmtpPhase } from '../client/smtp-error.ts';
import type { SmtpReply } from '../client/smtp-reply.ts';

/** Codes of a handshake or a certificate, as Node and OpenSSL name them. */
const tlsCode = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|EPROTO)/;

/** What nodemailer's errors carry beyond a message. */
interface LibraryError {
  readonly code: string | undefined;
  /** The system's or OpenSSL's, where there is one. */
  readonly originalCode: string | undefined;
  /** `MAIL FROM`, `RCPT TO`, `DATA`, `AUTH PLAIN`, `STARTTLS`, `CONN`, `API`. */
  readonly command: string | undefined;
  /** The server's lines. */
  readonly response: string | undefined;
}

function read(error: Error): LibraryError {
  const field = (name: string): string | undefined => {
    const value: unknown = Object.getOwnPropertyDescriptor(error, name)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  return {
    code: field('code'),
    originalCode: field('originalCode'),
    command: field('command'),
    response: field('response'),
  };
}

/** The reply in nodemailer's words; undefined when it is none. */
export function parseReply(response: string | undefined): SmtpReply | undefined {
  if (response === undefined) return undefined;
  const parser = new ReplyParser();
  parser.push(Buffer.from(`${response}\n`));
  try {
    return parser.next();
  } catch {
    // Nothing that can be told as a reply; the error's message has it.
    return undefined;
  }
}

function phaseOf({ code, originalCode, command }: LibraryError): SmtpPhase {
  if (code === 'EMESSAGE' || code === 'ESTREAM') return 'body';
  if (code === 'EAUTH' || command?.startsWith('AUTH')) return 'auth';
  if (code === 'ETLS' || command === 'STARTTLS' || tlsCode.test(originalCode ?? '')) return 'tls';
  if (command === 'MAIL FROM') return 'mail';
  if (command === 'RCPT TO') return 'rcpt';
  if (command === 'DATA') return 'data';
  if (command === 'EHLO' || command === 'HELO') return 'ehlo';
  if (code === 'EPROTOCOL') return 'greeting';
  return 'connect';
}

/** An error of nodemailer's as one of ours. */
export function relayError(where: string, error: Error): SmtpError {
  const facts = read(error);
  const phase = phaseOf(facts);
  const reply = parseReply(facts.response);
  const code =
    phase === 'auth'
      ? 'ERR_SMTP_AUTH'
      : phase === 'tls'
        ? 'ERR_SMTP_TLS'
        : facts.code === 'ETIMEDOUT'
          ? 'ERR_SMTP_TIMEOUT'
          : reply !== undefined
            ? 'ERR_SMTP_REFUSED'
            : facts.code === 'ECONNECTION'
              ? 'ERR_SMTP_CLOSED'
              : facts.code === 'EPROTOCOL'
                ? 'ERR_SMTP_PROTOCOL'
                : 'ERR_SMTP_CONNECT';
  return new SmtpError(code, phase, `Relay ${where}: ${error.message}`, { cause: error, reply });
}
