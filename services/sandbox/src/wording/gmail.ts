import { reply, type Wording } from './reply.ts';

const gmailSpam = reply(
  'data',
  550,
  '5.7.1',
  [
    '[{ip}      12] Gmail has detected that this message is',
    'likely unsolicited mail. To reduce the amount of spam sent to Gmail,',
    'this message has been blocked. For more information, go to',
    ' https://support.google.com/mail/?p=UnsolicitedMessageError {session} - gsmtp',
  ].join('\n'),
);
const gmailUnusual = reply(
  'mail',
  421,
  '4.7.28',
  [
    'Gmail has detected an unusual rate of unsolicited mail originating',
    'from your IP address [{ip}      15]. To protect our users from spam, mail',
    'sent from your IP address has been temporarily rate limited. For more',
    'information, go to https://support.google.com/mail/?p=UnsolicitedRateLimitError {session} - gsmtp',
  ].join('\n'),
);
const gmailUnknown = reply(
  'rcpt',
  550,
  '5.1.1',
  [
    'The email account that you tried to reach does not exist. Please try',
    "double-checking the recipient's email address for typos or",
    'unnecessary spaces. For more information, go to',
    ' https://support.google.com/mail/?p=NoSuchUser {session} - gsmtp',
  ].join('\n'),
);
const gmailFull = reply(
  'rcpt',
  452,
  '4.2.2',
  [
    "The recipient's inbox is out of storage space. Please direct the",
    'recipient to',
    ' https://support.google.com/mail/?p=OverQuotaTemp {session} - gsmtp',
  ].join('\n'),
);

/** What Gmail says. */
export const gmail: Partial<Wording> = {
  accepted: '2.0.0 OK  {seconds} {session} - gsmtp',
  too_many_connections: reply(
    'connect',
    421,
    '4.7.0',
    'Try again later, closing connection. {session} - gsmtp',
  ),
  too_many_mails: reply(
    'mail',
    421,
    '4.7.0',
    'Try again later, closing connection. (MAIL) {session} - gsmtp',
  ),
  rate_limited: gmailUnusual,
  penalised: gmailUnusual,
  greylisted: reply('rcpt', 451, '4.3.0', 'Mail server temporarily rejected message. {session} - gsmtp'),
  tls_required: reply('mail', 530, '5.7.0', 'Must issue a STARTTLS command first. {session} - gsmtp'),
  unknown_user: gmailUnknown,
  mailbox_full: gmailFull,
  disabled_user: reply(
    'rcpt',
    550,
    '5.2.1',
    'The email account that you tried to reach is inactive. For more\ninformation, go to https://support.google.com/mail/?p=DisabledUser {session} - gsmtp',
  ),
  deferred: reply('rcpt', 421, '4.3.0', 'Temporary System Problem.  Try again later. {session} - gsmtp'),
  blocked: gmailSpam,
  spam: gmailSpam,
  unauthenticated: reply(
    'data',
    550,
    '5.7.26',
    [
      'Your email has been blocked because the sender is unauthenticated.',
      'Gmail requires all senders to authenticate with either SPF or DKIM.',
      ' For instructions on setting up authentication, go to',
      ' https://support.google.com/mail/answer/81126#authentication {session} - gsmtp',
    ].join('\n'),
  ),
  transient: [
    gmailUnusual,
    reply('rcpt', 421, '4.3.0', 'Temporary System Problem.  Try again later. {session} - gsmtp'),
    reply(
      'rcpt',
      450,
      '4.2.1',
      [
        'The user you are trying to contact is receiving mail at a rate that',
        'prevents additional messages from being delivered. For more information, go to',
        ' https://support.google.com/mail/?p=ReceivingRatePerm {session} - gsmtp',
      ].join('\n'),
    ),
    gmailFull,
    reply('data', 451, '4.3.0', 'Mail server temporarily rejected message. {session} - gsmtp'),
  ],
  permanent: [gmailUnknown, gmailSpam],
};
