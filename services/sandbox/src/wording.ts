/** Where in the dialogue a reply is given. */
export type Phase = 'connect' | 'mail' | 'rcpt' | 'data';

/** A scripted reply. `text` may have several lines and the fields {ip} {to} {from} {host} {session}. 421 also closes. */
export interface ScriptedReply {
  readonly phase: Phase;
  readonly code: number;
  readonly enhanced?: string;
  readonly text: string;
}

/** What an ISP says in each situation. */
export interface Wording {
  readonly accepted: string;
  readonly too_many_connections: ScriptedReply;
  readonly too_many_mails: ScriptedReply;
  readonly rate_limited: ScriptedReply;
  readonly penalised: ScriptedReply;
  readonly greylisted: ScriptedReply;
  readonly tls_required: ScriptedReply;
  readonly unknown_user: ScriptedReply;
  readonly mailbox_full: ScriptedReply;
  readonly disabled_user: ScriptedReply;
  readonly deferred: ScriptedReply;
  readonly blocked: ScriptedReply;
  readonly spam: ScriptedReply;
  readonly unauthenticated: ScriptedReply;
  /** Drawn from for `transient_share`. */
  readonly transient: readonly ScriptedReply[];
  /** Drawn from for `permanent_share`. */
  readonly permanent: readonly ScriptedReply[];
}

const reply = (phase: Phase, code: number, enhanced: string, text: string): ScriptedReply =>
  enhanced ? { phase, code, enhanced, text } : { phase, code, text };

const plain: Wording = {
  accepted: '2.0.0 Ok: queued as {session}',
  too_many_connections: reply('connect', 421, '4.7.0', '{host} Error: too many connections from {ip}'),
  too_many_mails: reply('mail', 421, '4.7.0', '{host} Too many messages in this session, closing connection'),
  rate_limited: reply('mail', 450, '4.7.1', 'Error: too much mail from {ip}'),
  penalised: reply('mail', 451, '4.7.1', 'Service temporarily unavailable for {ip}, try again later'),
  greylisted: reply('rcpt', 450, '4.2.0', '<{to}>: Recipient address rejected: Greylisted, see RFC 6647'),
  tls_required: reply('mail', 530, '5.7.0', 'Must issue a STARTTLS command first'),
  unknown_user: reply(
    'rcpt',
    550,
    '5.1.1',
    '<{to}>: Recipient address rejected: User unknown in virtual mailbox table',
  ),
  mailbox_full: reply('rcpt', 452, '4.2.2', '<{to}>: Mailbox full'),
  disabled_user: reply('rcpt', 550, '5.2.1', '<{to}>: This mailbox is disabled'),
  deferred: reply('rcpt', 451, '4.3.0', '<{to}>: Temporary lookup failure'),
  blocked: reply('rcpt', 554, '5.7.1', 'Service unavailable; Client host [{ip}] blocked using a blocklist'),
  spam: reply('data', 550, '5.7.1', 'Message rejected as spam by content filtering'),
  unauthenticated: reply(
    'data',
    550,
    '5.7.26',
    'Message rejected: the domain of {from} is not authenticated by SPF or DKIM',
  ),
  transient: [
    reply('rcpt', 451, '4.3.0', '<{to}>: Temporary lookup failure'),
    reply('mail', 451, '4.7.1', 'Service unavailable - try again later'),
    reply('data', 452, '4.3.1', 'Insufficient system storage'),
    reply('data', 451, '4.3.0', 'Error: queue file write error'),
  ],
  permanent: [
    reply('rcpt', 550, '5.1.1', '<{to}>: Recipient address rejected: User unknown in virtual mailbox table'),
    reply('rcpt', 554, '5.7.1', '<{to}>: Relay access denied'),
    reply('data', 550, '5.7.1', 'Message rejected as spam by content filtering'),
  ],
};

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

const gmail: Partial<Wording> = {
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

const yahooUserComplaints = (phase: Phase) =>
  reply(
    phase,
    421,
    '4.7.0',
    '[TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
  );
const yahoo: Partial<Wording> = {
  accepted: 'ok dirdel',
  too_many_connections: reply(
    'connect',
    421,
    '4.7.0',
    '[TS01] Messages from {ip} temporarily deferred due to excessive concurrent connections; see https://postmaster.yahooinc.com/error-codes',
  ),
  too_many_mails: reply('mail', 421, '', 'Max message per connection reached, closing transmission channel'),
  rate_limited: reply(
    'mail',
    421,
    '4.7.0',
    '[TS03] Messages from {ip} temporarily deferred due to unexpected volume - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
  ),
  penalised: yahooUserComplaints('mail'),
  greylisted: reply('rcpt', 451, '4.3.2', 'Internal error reading data'),
  unknown_user: reply(
    'data',
    554,
    '',
    "delivery error: dd This user doesn't have a yahoo.com account ({to}) [-5] - {host}",
  ),
  mailbox_full: reply(
    'data',
    452,
    '',
    'delivery error: dd Requested mail action not taken: mailbox is over quota [-9] - {host}',
  ),
  disabled_user: reply('data', 554, '', 'delivery error: dd This mailbox is disabled (554.30) [0] - {host}'),
  deferred: reply(
    'rcpt',
    451,
    '',
    'VS1-MF Excessive unknown recipients - possible Open HTTP Proxy or Spam [120]',
  ),
  blocked: reply(
    'mail',
    553,
    '5.7.1',
    "[BL21] Connections will not be accepted from {ip}, because the ip is in Spamhaus's list; see https://postmaster.yahooinc.com/error-codes",
  ),
  spam: reply(
    'data',
    554,
    '5.7.9',
    'Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes',
  ),
  unauthenticated: reply(
    'data',
    550,
    '5.7.9',
    'This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM. See https://senders.yahooinc.com/best-practices/',
  ),
  transient: [
    yahooUserComplaints('mail'),
    reply(
      'mail',
      421,
      '4.7.0',
      '[TS02] Messages from {ip} temporarily deferred due to unexpected volume or user complaints; see https://postmaster.yahooinc.com/error-codes',
    ),
    reply('data', 451, '', 'Message temporarily deferred - [160]'),
  ],
  permanent: [
    reply(
      'data',
      554,
      '',
      "delivery error: dd This user doesn't have a yahoo.com account ({to}) [-5] - {host}",
    ),
    reply(
      'data',
      554,
      '5.7.9',
      'Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes',
    ),
  ],
};

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
const outlook: Partial<Wording> = {
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

const office365: Partial<Wording> = {
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

const apple: Partial<Wording> = {
  too_many_connections: reply(
    'connect',
    421,
    '4.7.0',
    '{host} [CS01] Too many concurrent connections from your IP',
  ),
  rate_limited: reply(
    'mail',
    421,
    '4.7.1',
    'Messages from {ip} temporarily deferred due to volume [CS01]; see https://support.apple.com/en-us/102322',
  ),
  penalised: reply(
    'rcpt',
    450,
    '4.7.1',
    'Messages from {ip} temporarily deferred due to user complaints [HM07]; see https://support.apple.com/en-us/102322',
  ),
  mailbox_full: reply('rcpt', 452, '4.2.2', '<{to}>: user is over quota'),
  unknown_user: reply('rcpt', 550, '5.1.1', '<{to}>: user does not exist'),
  blocked: reply(
    'data',
    550,
    '5.7.1',
    "Your message was rejected due to {from_domain}'s reputation [HM08]. See https://support.apple.com/en-us/102322",
  ),
  spam: reply(
    'data',
    554,
    '5.7.1',
    '[HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/102322',
  ),
  permanent: [
    reply('rcpt', 550, '5.1.1', '<{to}>: user does not exist'),
    reply(
      'data',
      554,
      '5.7.1',
      '[HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/102322',
    ),
  ],
};

const comcast: Partial<Wording> = {
  accepted: '2.0.0 {session} mail accepted for delivery',
  too_many_connections: reply(
    'connect',
    421,
    '',
    '{host} comcast Too many sessions opened from {ip}. RL000010. Please see https://postmaster.comcast.net/smtp-error-codes.php#RL000010',
  ),
  rate_limited: reply(
    'mail',
    421,
    '',
    'Try again later. RL000001: throttled due to the reputation of {ip}. See https://postmaster.comcast.net/smtp-error-codes.php#RL000001',
  ),
  penalised: reply(
    'mail',
    421,
    '',
    'Reverse DNS or reputation failure: try again later. RL000003. See https://postmaster.comcast.net/smtp-error-codes.php#RL000003',
  ),
  unknown_user: reply('rcpt', 550, '5.1.1', 'Not our Customer'),
  mailbox_full: reply('rcpt', 452, '4.2.2', '{to} mailbox full'),
  blocked: reply(
    'mail',
    554,
    '',
    '{host} comcast {ip} Comcast block for spam. Please see http://postmaster.comcast.net/smtp-error-codes.php#BL000001',
  ),
  spam: reply(
    'data',
    550,
    '5.2.0',
    'Message rejected as spam. BL000010. See https://postmaster.comcast.net/smtp-error-codes.php#BL000010',
  ),
  permanent: [
    reply('rcpt', 550, '5.1.1', 'Not our Customer'),
    reply(
      'data',
      550,
      '5.2.0',
      'Message rejected as spam. BL000010. See https://postmaster.comcast.net/smtp-error-codes.php#BL000010',
    ),
  ],
};

const gmx: Partial<Wording> = {
  accepted: 'Requested mail action okay, completed: id={session}',
  too_many_connections: reply(
    'connect',
    421,
    '',
    'gmx.net Service closing transmission channel - too many connections from {ip}',
  ),
  rate_limited: reply(
    'mail',
    450,
    '',
    'Requested mail action not taken: mailbox unavailable\nEmail sending rate limit exceeded for {ip}\nFor explanation visit https://postmaster.gmx.net/en/error-messages?ip={ip}&c=sul',
  ),
  unknown_user: reply('rcpt', 550, '', 'Requested action not taken: mailbox unavailable'),
  mailbox_full: reply('rcpt', 452, '', 'Requested action not taken: mailbox over quota'),
  spam: reply(
    'data',
    554,
    '',
    'Transaction failed\nReject due to policy restrictions.\nFor explanation visit https://postmaster.gmx.net/en/error-messages?ip={ip}&c=hi',
  ),
};

const orange: Partial<Wording> = {
  accepted: '2.0.0 {session} mail accepted for delivery',
  too_many_connections: reply(
    'connect',
    421,
    '',
    '{host} ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]',
  ),
  rate_limited: reply(
    'mail',
    421,
    '',
    '{host} Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999 [999]',
  ),
  unknown_user: reply(
    'rcpt',
    550,
    '5.1.1',
    'Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]',
  ),
  mailbox_full: reply(
    'rcpt',
    452,
    '4.2.2',
    'Boite du destinataire pleine. Recipient overquota. OFR_417 [417]',
  ),
  spam: reply('data', 550, '5.7.1', 'Mail contenant des URL bloquees. Mail rejected as spam. OFR_506 [506]'),
};

const mimecast: Partial<Wording> = {
  accepted: 'SmtpThread-{number}-{session}@mimecast.com Received OK [{session}.eu1]',
  greylisted: reply(
    'rcpt',
    451,
    '',
    'Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451 [{session}.eu1]',
  ),
  unknown_user: reply(
    'rcpt',
    550,
    '',
    'Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [{session}.eu1]',
  ),
  spam: reply(
    'data',
    554,
    '',
    'Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554 [{session}.eu1]',
  ),
};

const proofpoint: Partial<Wording> = {
  accepted: '2.0.0 {session}-1 Message accepted for delivery',
  too_many_connections: reply('connect', 421, '4.3.2', 'Too many connections from your host {ip}'),
  rate_limited: reply(
    'mail',
    452,
    '4.3.2',
    'Too much mail from {ip}, see https://ipcheck.proofpoint.com/?ip={ip}',
  ),
  blocked: reply('mail', 554, '5.7.0', 'Blocked - see https://ipcheck.proofpoint.com/?ip={ip}'),
  unknown_user: reply('rcpt', 550, '5.1.1', 'User Unknown'),
};

const yahooJp: Partial<Wording> = {
  accepted: 'ok dirdel',
  rate_limited: reply(
    'mail',
    421,
    '4.7.0',
    '[TS03] All messages from {ip} will be temporarily deferred; retry later',
  ),
  unknown_user: reply('rcpt', 550, '5.1.1', "This user doesn't have a yahoo.co.jp account ({to})"),
};

const byGroup: Readonly<Record<string, Partial<Wording>>> = {
  gmail,
  yahoo,
  'yahoo-jp': yahooJp,
  outlook,
  office365,
  apple,
  comcast,
  gmx,
  orange,
  mimecast,
  proofpoint,
};

/** What the ISPs of this group say; an ISP without words of its own talks like Postfix. */
export function wordingOf(group: string): Wording {
  return { ...plain, ...byGroup[group] };
}

/** The reply as it goes on the wire: every line with its code (RFC 5321 4.2.1) and enhanced code (RFC 2034). */
export function renderReply(scripted: ScriptedReply, fields: Readonly<Record<string, string>>): string {
  const prefix = scripted.enhanced ? `${scripted.enhanced} ` : '';
  const lines = fillIn(scripted.text, fields).split('\n');
  return lines
    .map((line, index) => `${scripted.code}${index < lines.length - 1 ? '-' : ' '}${prefix}${line}\r\n`)
    .join('');
}

/** Replaces {name} by its field; unknown ones stay. */
export function fillIn(text: string, fields: Readonly<Record<string, string>>): string {
  return text.replace(/\{([a-z_]+)\}/g, (whole, name: string) => fields[name] ?? whole);
}
