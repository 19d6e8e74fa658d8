import { reply, type Wording } from './reply.ts';

/** What iCloud says. */
export const apple: Partial<Wording> = {
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

/** What Comcast says. */
export const comcast: Partial<Wording> = {
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

/** What GMX and WEB.DE says. */
export const gmx: Partial<Wording> = {
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

/** What Orange says. */
export const orange: Partial<Wording> = {
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

/** What Mimecast says. */
export const mimecast: Partial<Wording> = {
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

/** What Proofpoint says. */
export const proofpoint: Partial<Wording> = {
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
