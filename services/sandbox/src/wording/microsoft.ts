import { reply, type Wording } from './reply.ts';

const microsoftBlocked = reply(
  'mail',
  550,
  '5.7.1',
  "Unfortunately, messages from [{ip}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors. [{session}]",
);
const microsoftRate = reply(
  'mail',
  451,
  '4.7.650',
  'The mail server [{ip}] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775) [{session}]',
);
const outlookUnknown = reply(
  'rcpt',
  550,
  '5.5.0',
  'Requested action not taken: mailbox unavailable (S2017062302). [{session}]',
);
/** What Outlook.com says. */
export const outlook: Partial<Wording> = {
  accepted:
    '2.6.0 {message_id} [InternalId={number}, Hostname={session}.namprd12.prod.outlook.com] {size} bytes in 0.161, 63.7 KB/sec Queued mail for delivery -> 250 2.1.5',
  too_many_connections: reply(
    'connect',
    421,
    '4.3.2',
    'The maximum number of concurrent connections has exceeded a limit, closing transmission channel [{session}]',
  ),
  too_many_mails: reply(
    'mail',
    421,
    '4.4.2',
    'Message submission rate for this client has exceeded the configured limit [{session}]',
  ),
  rate_limited: microsoftRate,
  penalised: reply(
    'mail',
    421,
    '',
    "RP-001 (BAY) Unfortunately, some messages from {ip} weren't sent. Please try again. We have limits for how many messages can be sent per hour and per day.",
  ),
  greylisted: reply(
    'rcpt',
    451,
    '4.7.500',
    'Server busy. Please try again later from [{ip}]. (S77719) [{session}]',
  ),
  unknown_user: outlookUnknown,
  mailbox_full: reply(
    'rcpt',
    452,
    '4.2.2',
    'The email account that you tried to reach is over quota [{session}]',
  ),
  disabled_user: outlookUnknown,
  deferred: reply('rcpt', 451, '4.3.2', 'Temporary server error. Please try again later ATTR2 [{session}]'),
  blocked: microsoftBlocked,
  spam: reply(
    'data',
    550,
    '5.7.1',
    'The message was rejected as spam by the content filter AS(900) [{session}]',
  ),
  unauthenticated: reply(
    'data',
    550,
    '5.7.515',
    'Access denied, sending domain {from_domain} does not meet the required authentication level. [{session}]',
  ),
  transient: [
    microsoftRate,
    reply('rcpt', 451, '4.7.500', 'Server busy. Please try again later from [{ip}]. (AS843) [{session}]'),
    reply('rcpt', 451, '4.3.2', 'Temporary server error. Please try again later ATTR2 [{session}]'),
  ],
  permanent: [outlookUnknown, microsoftBlocked],
};

/** What Office 365 says. */
export const office365: Partial<Wording> = {
  ...outlook,
  penalised: reply(
    'rcpt',
    451,
    '4.7.500',
    'Server busy. Please try again later from [{ip}]. (AS77712) [{session}]',
  ),
  unknown_user: reply('rcpt', 550, '5.4.1', 'Recipient address rejected: Access denied. [{session}]'),
  disabled_user: reply('rcpt', 550, '5.2.1', 'Mailbox cannot be accessed [{session}]'),
  blocked: reply(
    'rcpt',
    550,
    '5.7.606',
    'Access denied, banned sending IP [{ip}]. To request removal from this list please visit https://sender.office.com/ and follow the directions. [{session}]',
  ),
  permanent: [
    reply('rcpt', 550, '5.4.1', 'Recipient address rejected: Access denied. [{session}]'),
    reply(
      'rcpt',
      550,
      '5.7.606',
      'Access denied, banned sending IP [{ip}]. To request removal from this list please visit https://sender.office.com/ and follow the directions. [{session}]',
    ),
    reply(
      'rcpt',
      550,
      '5.7.511',
      'Access denied, banned sender [{ip}]. To request removal from this list please forward this message to delist@microsoft.com. [{session}]',
    ),
  ],
};
