import { reply, type Wording } from './reply.ts';

/** What a server without words of its own, much like Postfix, says. */
export const plain: Wording = {
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
