import { type Phase, reply, type Wording } from './reply.ts';

const yahooUserComplaints = (phase: Phase) =>
  reply(
    phase,
    421,
    '4.7.0',
    '[TSS04] Messages from {ip} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes',
  );
/** What Yahoo says. */
export const yahoo: Partial<Wording> = {
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

/** What Yahoo Japan says. */
export const yahooJp: Partial<Wording> = {
  accepted: 'ok dirdel',
  rate_limited: reply(
    'mail',
    421,
    '4.7.0',
    '[TS03] All messages from {ip} will be temporarily deferred; retry later',
  ),
  unknown_user: reply('rcpt', 550, '5.1.1', "This user doesn't have a yahoo.co.jp account ({to})"),
};
