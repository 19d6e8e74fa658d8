/** For the tests: options and mails that a test changes where it matters. */
import { connectSmtp } from './client/connect-smtp.ts';
import type { SendResult, SmtpMail } from './client/smtp-mail.ts';
import type { SmtpOptions } from './client/smtp-options.ts';
import type { SmtpConnection } from './client/smtp-session.ts';

export const testMail: SmtpMail = {
  mailFrom: 'a@sender.test',
  rcptTo: 'b@receiver.test',
  data: Buffer.from('Subject: test\r\n\r\nHello\r\n'),
  smtpUtf8: false,
  eightBit: false,
};

export const testOptions = {
  host: 'mx.test',
  address: '127.0.0.1',
  ehloName: 'client.test',
  tls: 'disabled',
  loopbackOnly: true,
} as const satisfies Omit<SmtpOptions, 'port'>;

export function connectTo(port: number, options: Partial<SmtpOptions> = {}): Promise<SmtpConnection> {
  return connectSmtp({ ...testOptions, port, ...options });
}

/** A result in one line: `delivered 250`, `refused rcpt 550`, `refused locally 552`, `failed body ERR_SMTP_CLOSED dot sent`. */
export function summary(result: SendResult): string {
  switch (result.kind) {
    case 'delivered':
      return `delivered ${result.reply.code}`;
    case 'refused':
      return `refused ${result.local ? 'locally' : result.phase} ${result.reply.code}`;
    case 'failed':
      return `failed ${result.phase} ${result.error.code}${result.dotSent ? ' dot sent' : ''}`;
  }
}
