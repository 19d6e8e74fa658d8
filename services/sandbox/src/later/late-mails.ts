/** The mails that come back, each as the software writes it that is named. Pure. */
import { headerValue } from '../header-fields.ts';
import type { BounceStyle } from './late-answer.ts';

/** The mail that is answered. */
export interface Answered {
  /** Header fields in order. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The header as it came, with CRLF. */
  readonly headerText: string;
  readonly mailFrom: string;
  readonly recipient: string;
  /** Host that took it. */
  readonly mxHost: string;
  /** ms since the epoch. */
  readonly now: number;
  /** Unique. */
  readonly id: string;
  readonly clientAddress: string;
}

const lines = (...text: readonly string[]): string => `${text.join('\r\n')}\r\n`;
const date = (now: number): string => new Date(now).toUTCString().replace('GMT', '+0000');
const hardText = (recipient: string): string =>
  `550 5.1.1 <${recipient}>: Recipient address rejected: User unknown`;
const softText = (recipient: string): string => `552 5.2.2 <${recipient}>: Mailbox full, over quota`;
const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);

/** A bounce in the words of a style. */
export const bounceMail = (mail: Answered, style: BounceStyle, hard: boolean): string => {
  switch (style) {
    case 'postfix':
      return postfix(mail, hard);
    case 'exchange':
      return exchange(mail, hard);
    case 'exim':
      return exim(mail, hard);
    case 'qmail':
      return qmail(mail, hard);
    default:
      return style satisfies never;
  }
};

const postfix = (mail: Answered, hard: boolean): string => {
  const { recipient, mxHost, mailFrom, now, id, headerText } = mail;
  const text = hard ? hardText(recipient) : softText(recipient);
  const boundary = `${id}.${now}/${mxHost}`;
  return (
    lines(
      `Date: ${date(now)}`,
      `From: MAILER-DAEMON@${mxHost} (Mail Delivery System)`,
      'Subject: Undelivered Mail Returned to Sender',
      `To: ${mailFrom}`,
      'Auto-Submitted: auto-replied',
      'MIME-Version: 1.0',
      `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
      `Message-Id: <${id}@${mxHost}>`,
      '',
      'This is a MIME-encapsulated message.',
      '',
      `--${boundary}`,
      'Content-Description: Notification',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      `This is the mail system at host ${mxHost}.`,
      '',
      "I'm sorry to have to inform you that your message could not",
      "be delivered to one or more recipients. It's attached below.",
      '',
      '                   The mail system',
      '',
      `<${recipient}>: host mailbox.${mxHost}[127.0.0.9] said: ${text} (in reply to RCPT TO command)`,
      '',
      `--${boundary}`,
      'Content-Description: Delivery report',
      'Content-Type: message/delivery-status',
      '',
      `Reporting-MTA: dns; ${mxHost}`,
      `Arrival-Date: ${date(now)}`,
      '',
      `Final-Recipient: rfc822; ${recipient}`,
      'Action: failed',
      `Status: ${hard ? '5.1.1' : '5.2.2'}`,
      `Remote-MTA: dns; mailbox.${mxHost}`,
      `Diagnostic-Code: smtp; ${text}`,
      '',
      `--${boundary}`,
      'Content-Description: Undelivered Message Headers',
      'Content-Type: text/rfc822-headers',
      '',
    ) +
    headerText +
    lines(`--${boundary}--`)
  );
};

const exchange = (mail: Answered, hard: boolean): string => {
  const { recipient, mxHost, mailFrom, now, id, headerText, headers } = mail;
  const status = hard ? '5.1.10' : '5.2.2';
  const said = hard
    ? '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'
    : '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException; recipient mailbox is full';
  return (
    lines(
      `From: <postmaster@${domainOf(recipient)}>`,
      `To: <${mailFrom}>`,
      `Date: ${date(now)}`,
      'MIME-Version: 1.0',
      `Content-Type: multipart/report; report-type=delivery-status; boundary="${id}"`,
      'X-MS-Exchange-Message-Is-Ndr:',
      'Content-Language: en-US',
      `Message-ID: <${id}@${mxHost}>`,
      `Subject: Undeliverable: ${headerValue(headers, 'subject') ?? ''}`,
      'Auto-Submitted: auto-replied',
      '',
      `--${id}`,
      'Content-Type: text/plain; charset="us-ascii"',
      '',
      hard
        ? "Delivery has failed to these recipients or groups:\r\n\r\nThe email address you entered couldn't be found."
        : "Delivery has failed to these recipients or groups:\r\n\r\nThe recipient's mailbox is full and can't accept messages now.",
      '',
      `${recipient}<mailto:${recipient}>`,
      '',
      'Diagnostic information for administrators:',
      '',
      `Generating server: ${mxHost}`,
      '',
      recipient,
      `Remote Server returned '${said}'`,
      '',
      `--${id}`,
      'Content-Type: message/delivery-status',
      '',
      `Reporting-MTA: dns;${mxHost}`,
      'Received-From-MTA: dns;mta',
      `Arrival-Date: ${date(now)}`,
      '',
      `Final-Recipient: rfc822;${recipient}`,
      'Action: failed',
      `Status: ${status}`,
      `Diagnostic-Code: smtp;${said}`,
      '',
      `--${id}`,
      'Content-Type: message/rfc822',
      '',
    ) +
    headerText +
    lines('', `--${id}--`)
  );
};

const exim = (mail: Answered, hard: boolean): string => {
  const { recipient, mxHost, mailFrom, now, id, headerText } = mail;
  return (
    lines(
      `X-Failed-Recipients: ${recipient}`,
      'Auto-Submitted: auto-replied',
      `From: Mail Delivery System <Mailer-Daemon@${mxHost}>`,
      `To: ${mailFrom}`,
      'Subject: Mail delivery failed: returning message to sender',
      `Message-Id: <E${id}@${mxHost}>`,
      `Date: ${date(now)}`,
      '',
      'This message was created automatically by mail delivery software.',
      '',
      'A message that you sent could not be delivered to one or more of its',
      'recipients. This is a permanent error. The following address(es) failed:',
      '',
      `  ${recipient}`,
      `    host mailbox.${mxHost} [127.0.0.9]`,
      '    SMTP error from remote mail server after RCPT TO:',
      `    ${hard ? hardText(recipient) : softText(recipient)}`,
      '',
      '------ This is a copy of the message, including all the headers. ------',
      '',
    ) + headerText
  );
};

const qmail = (mail: Answered, hard: boolean): string => {
  const { recipient, mxHost, mailFrom, now, id, headerText } = mail;
  return (
    lines(
      `Date: ${date(now)}`,
      `From: MAILER-DAEMON@${mxHost}`,
      `To: ${mailFrom}`,
      'Subject: failure notice',
      `Message-ID: <${id}@${mxHost}>`,
      '',
      `Hi. This is the qmail-send program at ${mxHost}.`,
      "I'm afraid I wasn't able to deliver your message to the following addresses.",
      "This is a permanent error; I've given up. Sorry it didn't work out.",
      '',
      `<${recipient}>:`,
      hard
        ? 'Sorry, no mailbox here by that name. (#5.1.1)'
        : 'The users mailfolder is over the allowed quota (size). (#5.2.2)',
      '',
      '--- Below this line is a copy of the message.',
      '',
      `Return-Path: <${mailFrom}>`,
    ) + headerText
  );
};

/** RFC 5965: a complaint, with the address of who complained in the mail that comes with it. */
export const complaintMail = (mail: Answered, to: string): string => {
  const { recipient, mxHost, mailFrom, now, id, headerText, headers, clientAddress } = mail;
  const from = headerValue(headers, 'from') ?? '';
  return (
    lines(
      `From: <feedback@${domainOf(recipient)}>`,
      `To: <${to}>`,
      `Date: ${date(now)}`,
      `Subject: FW: ${headerValue(headers, 'subject') ?? ''}`,
      'MIME-Version: 1.0',
      `Content-Type: multipart/report; report-type=feedback-report; boundary="${id}"`,
      `Message-ID: <${id}@${mxHost}>`,
      '',
      `--${id}`,
      'Content-Type: text/plain; charset="US-ASCII"',
      '',
      'This is an email abuse report for an email message received from IP',
      `${clientAddress} on ${date(now)}.`,
      '',
      `--${id}`,
      'Content-Type: message/feedback-report',
      '',
      'Feedback-Type: abuse',
      'User-Agent: SandboxFBL/1.0',
      'Version: 1',
      `Original-Mail-From: <${mailFrom}>`,
      `Original-Rcpt-To: <${recipient}>`,
      `Arrival-Date: ${date(now)}`,
      `Source-IP: ${clientAddress}`,
      `Reported-Domain: ${domainOf(from.replaceAll(/[<>]/g, ''))}`,
      '',
      `--${id}`,
      'Content-Type: message/rfc822',
      '',
    ) +
    headerText +
    lines('', `--${id}--`)
  );
};

/** RFC 3834: a vacation notice. */
export const autoReplyMail = (mail: Answered): string => {
  const { recipient, mxHost, mailFrom, now, id, headers } = mail;
  const about = headerValue(headers, 'message-id') ?? '';
  return lines(
    `From: <${recipient}>`,
    `To: <${mailFrom}>`,
    `Date: ${date(now)}`,
    `Subject: Auto: ${headerValue(headers, 'subject') ?? ''}`,
    'Auto-Submitted: auto-replied (vacation)',
    'Precedence: bulk',
    `In-Reply-To: ${about}`,
    `References: ${about}`,
    `Message-ID: <${id}@${mxHost}>`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    'I am out of the office until Monday and will answer then.',
  );
};

/** RFC 2369: what a mail program sends to the mailto: of List-Unsubscribe. */
export const unsubscribeMail = (mail: Answered, to: string, subject: string): string =>
  lines(
    `From: <${mail.recipient}>`,
    `To: <${to}>`,
    `Date: ${date(mail.now)}`,
    `Subject: ${subject}`,
    `Message-ID: <${mail.id}@${mail.mxHost}>`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Please unsubscribe me.',
  );

/** The ways of a List-Unsubscribe field. */
export const unsubscribeWays = (
  headers: Answered['headers'],
): { readonly https: string | undefined; readonly mailto: URL | undefined } => {
  const ways = [...(headerValue(headers, 'list-unsubscribe') ?? '').matchAll(/<([^>]+)>/g)].map(
    ([, way = '']) => way.replaceAll(/\s+/g, ''),
  );
  const mailto = ways.find((way) => way.startsWith('mailto:'));
  return {
    https: ways.find((way) => way.startsWith('https:')),
    mailto: mailto === undefined ? undefined : new URL(mailto),
  };
};
