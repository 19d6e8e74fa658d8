import type { SmtpCapabilities } from './smtp-capabilities.ts';
import type { SendResult, SmtpMail } from './smtp-mail.ts';
import { replyOf } from './smtp-reply.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
const forbidden = /[\u0000-\u0020\u007f<>]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above; a quoted local part may hold blanks and brackets.
const quoted = /^"(?:[^"\\\u0000-\u001f\u007f]|\\[^\u0000-\u001f\u007f])*"@[^\u0000-\u0020\u007f<>"]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: everything that is ASCII.
const ascii = /^[\u0000-\u007f]*$/;

/** Throws TypeError for an address that would end its command early. */
function checkAddress(address: string): void {
  if (!forbidden.test(address) || quoted.test(address)) return;
  throw new TypeError(`${JSON.stringify(address)} cannot be in an SMTP command`);
}

/** The commands of one mail, each with its line end. */
export interface MailCommands {
  readonly mail: string;
  readonly rcpt: string;
  readonly encoding: 'latin1' | 'utf8';
}

/**
 * MAIL and RCPT with the parameters that the mail needs, or the refusal where the server does not offer them.
 * Throws TypeError for an address with line breaks, NUL, blanks or brackets, and for an empty recipient.
 */
export function mailCommands(
  mail: SmtpMail,
  capabilities: SmtpCapabilities,
): MailCommands | (SendResult & { readonly kind: 'refused' }) {
  const { mailFrom, rcptTo } = mail;
  checkAddress(mailFrom);
  checkAddress(rcptTo);
  if (rcptTo === '') throw new TypeError('A mail needs a recipient');
  const size = mail.sizeBytes ?? mail.data.length;
  const smtpUtf8 = mail.smtpUtf8 || !ascii.test(mailFrom) || !ascii.test(rcptTo);
  if (smtpUtf8 && !capabilities.smtpUtf8) {
    return refused(550, '5.6.7 The server does not offer SMTPUTF8, which this mail needs');
  }
  // RFC 6531 3.1: a server with SMTPUTF8 has 8BITMIME.
  if (mail.eightBit && !capabilities.eightBitMime && !capabilities.smtpUtf8) {
    return refused(554, '5.6.3 The server does not offer 8BITMIME, which this mail needs');
  }
  if (capabilities.size !== null && capabilities.size > 0 && size > capabilities.size) {
    return refused(552, `5.3.4 The mail has ${size} bytes, the server takes ${capabilities.size}`);
  }
  let parameters = capabilities.size === null ? '' : ` SIZE=${size}`;
  if ((mail.eightBit || smtpUtf8) && capabilities.eightBitMime) parameters += ' BODY=8BITMIME';
  if (smtpUtf8) parameters += ' SMTPUTF8';
  return {
    mail: `MAIL FROM:<${mailFrom}>${parameters}\r\n`,
    rcpt: `RCPT TO:<${rcptTo}>\r\n`,
    encoding: smtpUtf8 ? 'utf8' : 'latin1',
  };
}

function refused(code: number, text: string): SendResult & { readonly kind: 'refused' } {
  return { kind: 'refused', phase: 'mail', reply: replyOf(code, [text]), local: true };
}
