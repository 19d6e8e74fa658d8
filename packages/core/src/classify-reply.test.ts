import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  classifyFailure,
  classifyReply,
  type ReplyCategory,
  type ReplyPhase,
  recipientCategories,
} from './classify-reply.ts';

const phases: readonly ReplyPhase[] = [
  'connect',
  'greeting',
  'ehlo',
  'tls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'body',
];
const ofMessage: readonly ReplyPhase[] = ['mail', 'rcpt', 'data', 'body'];

/** As the providers say it, in their own words. */
const answers: readonly (readonly [ReplyPhase, number, string | null, string, ReplyCategory])[] = [
  [
    'rcpt',
    550,
    '5.1.1',
    'The email account that you tried to reach does not exist. NoSuchUser',
    'invalid_recipient',
  ],
  [
    'rcpt',
    550,
    '5.5.0',
    'Requested action not taken: mailbox unavailable (S2017062302).',
    'invalid_recipient',
  ],
  [
    'rcpt',
    550,
    '5.4.1',
    'Recipient address rejected: Access denied. [AM1.prod.outlook.com]',
    'invalid_recipient',
  ],
  [
    'body',
    554,
    null,
    "delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [-5]",
    'invalid_recipient',
  ],
  ['rcpt', 550, '5.1.1', 'Not our Customer', 'invalid_recipient'],
  ['rcpt', 550, null, 'Requested action not taken: mailbox unavailable', 'invalid_recipient'],
  ['rcpt', 550, null, 'Unrouteable address', 'invalid_recipient'],
  [
    'rcpt',
    550,
    null,
    'Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550',
    'invalid_recipient',
  ],
  ['rcpt', 550, null, 'You are not welcome here', 'other'],
  // What is said of recipients in few words, in other words, in other languages.
  ['rcpt', 550, null, '** There is no mail box available for ada **', 'invalid_recipient'],
  ['rcpt', 554, null, 'Rcpt <ada@there.example> does not exist', 'invalid_recipient'],
  ['rcpt', 550, null, 'BAD_RECIPIENT see our pages', 'invalid_recipient'],
  ['rcpt', 550, null, '<ada@there.example> is not an active address here', 'invalid_recipient'],
  ['rcpt', 550, null, 'Sorry, badrcptto (#5.7.1)', 'invalid_recipient'],
  ['rcpt', 550, null, 'Your e-mail address could not be found here', 'invalid_recipient'],
  ['rcpt', 550, null, 'No existe el usuario ada', 'invalid_recipient'],
  ['rcpt', 550, null, 'La cuenta ada ha sido cancelada', 'invalid_recipient'],
  ['rcpt', 550, null, 'Invalid/inactive user', 'inactive'],
  ['rcpt', 550, null, 'konto ada@there.example jest nieaktywne', 'inactive'],
  ['rcpt', 550, null, 'Utente ada sconosciuto', 'invalid_recipient'],
  ['rcpt', 550, null, 'ada@there.example: nie istnieje', 'invalid_recipient'],
  ['rcpt', 550, null, 'ADDRESS_NOT_FOUND', 'invalid_recipient'],
  ['rcpt', 550, null, 'ada is not found in LDAP', 'invalid_recipient'],
  ['rcpt', 550, null, 'Ada does not accept mail in other alphabets', 'policy'],
  ['rcpt', 550, null, 'This user does not accept mail from strangers', 'policy'],
  ['rcpt', 551, null, 'bounce as <mailbox <ada@there.example> is full>', 'mailbox_full'],
  ['rcpt', 550, null, 'Ada has exhausted her allowed storage space', 'mailbox_full'],
  ['rcpt', 550, null, 'there.example is a dead domain', 'invalid_domain'],
  ['rcpt', 550, null, 'not local host there.example, not a gateway', 'relaying_denied'],
  ['rcpt', 550, null, '<ada@there.example> Mailbox size limit exceeded', 'mailbox_full'],
  ['rcpt', 550, null, 'Ada has too many messages on the server', 'mailbox_full'],
  ['rcpt', 550, null, 'ada reached disk quota', 'mailbox_full'],
  ['rcpt', 550, null, '[there.example]: Name or service not known', 'invalid_domain'],
  ['rcpt', 550, null, 'Recipient domain must exist', 'invalid_domain'],
  // The sender is refused: whatever the code, the recipient is not to blame.
  ['rcpt', 550, '5.1.8', '<b@here.example>: Sender address rejected: Domain not found', 'policy'],
  ['rcpt', 550, '5.1.1', '<b@here.example>: Sender address rejected: User unknown', 'policy'],
  ['mail', 550, null, 'Domain of sender address b@here.example does not exist', 'policy'],
  ['mail', 550, null, 'Unroutable sender address', 'policy'],
  ['mail', 553, null, 'Cannot resolve the sender of this mail', 'policy'],
  ['mail', 550, null, 'BATV: unsigned DSN', 'policy'],
  ['mail', 550, null, 'Client host rejected: cannot find your hostname', 'authentication'],
  ['rcpt', 554, null, '<mx.here.example[192.0.2.1]>: Client host rejected: Access denied', 'ip_listed'],
  ['rcpt', 554, null, 'Host network not allowed', 'ip_listed'],
  ['mail', 550, null, 'SC-001 refused for policy reasons', 'ip_listed'],
  ['mail', 550, null, 'Connection refused due to abuse', 'ip_listed'],
  ['rcpt', 550, null, 'zen.lists.example Listed by CSS', 'ip_listed'],
  ['rcpt', 550, null, 'dnsbl.lists.example: 192.0.2.1 listed', 'ip_listed'],
  ['mail', 550, null, 'We take no mail from hosts without reverse DNS', 'authentication'],
  ['mail', 550, null, 'Please inspect your SPF settings', 'authentication'],
  ['mail', 550, null, 'Per-domain connection limit of 5', 'rate_limited'],
  ['mail', 550, null, 'The system load is too high', 'server_busy'],
  ['mail', 550, '5.1.0', '<b@here.example> sender rejected, see our pages. AUP#In-1310', 'reputation'],
  ['body', 550, null, 'Ip frequency limited', 'rate_limited'],
  ['mail', 554, null, 'You have reached your daily relay quota', 'rate_limited'],
  // Spam by other names; a code that is said of recipients says nothing then.
  ['body', 550, '5.7.1', 'Bulk mail is not taken here', 'spam_content'],
  ['body', 550, null, 'Go elsewhere with your mass mailer', 'spam_content'],
  ['rcpt', 553, '5.7.3', 'CONTENT REJECT: dspam check 4', 'spam_content'],
  ['body', 554, null, 'refused by security policies - SpamSignature.5', 'spam_content'],
  ['body', 550, null, 'Spamming is not allowed', 'spam_content'],
  ['body', 550, '5.1.1', 'max message size exceeded', 'message_too_large'],
  ['rcpt', 554, null, 'Service currently unavailable', 'server_busy'],
  ['rcpt', 550, null, 'all hosts have been failing for a long time', 'timed_out'],
  ['rcpt', 550, null, 'Malformed or unexpected name server reply', 'dns_failed'],
  ['rcpt', 550, null, 'The mail server is misconfigured: interrupted system call', 'server_busy'],
  ['rcpt', 550, '5.1.2', 'Domain not found', 'invalid_domain'],
  ['rcpt', 550, '5.1.10', 'Recipient address has null MX', 'no_mx'],
  ['rcpt', 556, null, 'Domain does not accept mail', 'no_mx'],
  ['rcpt', 554, '5.7.1', '<a@b.test>: Relay access denied', 'relaying_denied'],
  [
    'body',
    550,
    '5.7.26',
    'Your email has been blocked because the sender is unauthenticated.',
    'authentication',
  ],
  [
    'body',
    550,
    '5.7.515',
    'Access denied, sending domain x.test does not meet the required authentication level.',
    'authentication',
  ],
  [
    'body',
    550,
    '5.7.9',
    'This mail has been blocked because the sender is unauthenticated.',
    'authentication',
  ],
  [
    'mail',
    421,
    '4.7.27',
    'Your email has been rate limited because SPF authentication didn’t pass',
    'authentication',
  ],
  ['body', 552, '5.3.4', 'Message size exceeds fixed limit', 'message_too_large'],
  ['body', 552, null, 'Message too large', 'message_too_large'],
  ['rcpt', 452, '4.2.2', "The recipient's inbox is out of storage space.", 'mailbox_full'],
  [
    'body',
    452,
    null,
    'delivery error: dd Requested mail action not taken: mailbox is over quota [-9]',
    'mailbox_full',
  ],
  ['rcpt', 450, '4.2.0', '<a@b.test>: Recipient address rejected: Greylisted, see RFC 6647', 'greylisted'],
  [
    'rcpt',
    451,
    null,
    'Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451',
    'greylisted',
  ],
  [
    'mail',
    421,
    '4.7.28',
    'Gmail has detected an unusual rate of unsolicited mail originating from your IP',
    'rate_limited',
  ],
  [
    'rcpt',
    450,
    '4.2.1',
    'The user you are trying to contact is receiving mail at a rate that prevents',
    'rate_limited',
  ],
  [
    'mail',
    421,
    '4.7.0',
    '[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints',
    'rate_limited',
  ],
  [
    'mail',
    451,
    '4.7.650',
    'The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.',
    'rate_limited',
  ],
  [
    'mail',
    421,
    null,
    'Try again later. RL000001: throttled due to the reputation of 192.0.2.1',
    'rate_limited',
  ],
  [
    'mail',
    421,
    null,
    'gmx.net Service closing transmission channel - too many connections from 192.0.2.1',
    'rate_limited',
  ],
  ['mail', 421, '4.7.1', 'Messages from 192.0.2.1 temporarily deferred due to volume [CS01]', 'rate_limited'],
  ['rcpt', 451, '4.7.500', 'Server busy. Please try again later from [192.0.2.1]. (S77719)', 'server_busy'],
  ['rcpt', 421, null, 'Come back tomorrow', 'server_busy'],
  ['rcpt', 550, '5.2.1', 'The email account that you tried to reach is inactive.', 'inactive'],
  ['mail', 550, '5.7.1', 'part of their network is on our block list (S3140).', 'ip_listed'],
  ['rcpt', 550, '5.7.606', 'Access denied, banned sending IP [192.0.2.1].', 'ip_listed'],
  ['rcpt', 550, '5.7.511', 'Access denied, banned sender [192.0.2.1].', 'ip_listed'],
  [
    'mail',
    553,
    '5.7.1',
    "[BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list",
    'ip_listed',
  ],
  ['mail', 554, '5.7.0', 'Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1', 'ip_listed'],
  ['body', 554, '5.7.1', 'The URL in the message is listed by the DBL', 'domain_listed'],
  ['body', 550, '5.7.1', "Your message was rejected due to x.test's reputation [HM08].", 'reputation'],
  ['body', 550, '5.7.1', 'Gmail has detected that this message is likely unsolicited mail.', 'spam_content'],
  ['body', 550, '5.7.1', 'The message was rejected as spam by the content filter AS(900)', 'spam_content'],
  ['body', 554, '5.6.0', 'No', 'content_rejected'],
  ['body', 554, null, 'Transaction failed', 'content_rejected'],
  ['rcpt', 550, '5.7.1', 'No', 'policy'],
];

for (const [phase, code, enhanced, text, category] of answers) {
  test(`${code} ${enhanced ?? ''} ${text.slice(0, 60)} is ${category}`, () => {
    const meaning = classifyReply({ code, enhanced, text }, phase);
    assert.equal(meaning.category, category, meaning.rule);
    assert.equal(meaning.outcome, code < 500 ? 'deferred' : 'bounced');
  });
}

/** Words of bounces, most of them without codes: category, and whether hard. */
const bounced: readonly (readonly [string, string | null, ReplyCategory, boolean])[] = [
  ['The email account that you tried to reach is disabled', '5.2.1', 'invalid_recipient', true],
  ['The email account that you tried to reach is over quota and inactive', '5.2.2', 'mailbox_full', false],
  ['<x@y.test>: Recipient address rejected: host z said: 550 mailbox full', '5.1.1', 'mailbox_full', false],
  [
    'RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
    '5.1.10',
    'invalid_recipient',
    true,
  ],
  [
    'Host or domain name not found. Name service error for name=y.test type=MX: Host not found',
    null,
    'invalid_domain',
    true,
  ],
  [
    'Host or domain name not found. Name service error for name=y.test type=MX: Host not found, try again',
    null,
    'dns_failed',
    false,
  ],
  ["Sorry, I couldn't find any host named y.test.", null, 'invalid_domain', true],
  [
    'delivery temporarily suspended: connect to mx[192.0.2.1]:25: Connection refused',
    null,
    'connection_failed',
    false,
  ],
  ['retry time not reached for any host after a long failure period', null, 'timed_out', false],
  ['Message expired', '5.4.300', 'timed_out', false],
  ["sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", null, 'relaying_denied', true],
  ['User ada (ada@y.test) not listed in Domino Directory', null, 'invalid_recipient', true],
  ['The recipient name is not recognized', null, 'invalid_recipient', true],
  ['As their mailbox is full.', null, 'mailbox_full', false],
  ['Client host [192.0.2.1] blocked using zen.spamhaus.org', '5.7.1', 'ip_listed', false],
  ['Message scored too high on spam scale', '5.7.1', 'spam_content', false],
  ['Hop count exceeded - possible mail loop', '5.4.14', 'server_busy', false],
  ['No', null, 'other', true],
];

for (const [text, enhanced, category, hard] of bounced)
  test(`a bounce for "${text.slice(0, 60)}" is ${category}, ${hard ? 'hard' : 'soft'}`, () => {
    const meaning = classifyReply({ code: 500, enhanced, text }, 'rcpt');
    assert.deepEqual(
      [meaning.outcome, meaning.category, meaning.hard],
      ['bounced', category, hard],
      meaning.rule,
    );
  });

test('each answer names the rule that decided', () => {
  const rules: readonly [number, string | null, string, string][] = [
    [550, '5.1.1', 'No such user', 'enhanced-5.1.1'],
    [421, '4.7.0', '[TSS04] later', 'yahoo-deferral'],
    [550, null, 'No such user', 'text-user-unknown'],
    [551, null, 'No', 'code-551'],
    [250, null, 'OK', 'code-250'],
  ];
  for (const [code, enhanced, text, rule] of rules)
    assert.equal(classifyReply({ code, enhanced, text }, 'rcpt').rule, rule);
});

test('STARTTLS asked for in the middle of a mail is for now: the next connection does it', () => {
  const reply = { code: 530, enhanced: '5.7.0', text: 'Must issue a STARTTLS command first' };
  const { outcome, category, hard } = classifyReply(reply, 'mail');
  assert.deepEqual([outcome, category, hard], ['deferred', 'tls_failed', false]);
});

test('a 5xx before MAIL is about the session: the message is not lost by it', () => {
  for (const phase of phases.filter((name) => !ofMessage.includes(name)))
    assert.equal(
      classifyReply({ code: 554, enhanced: null, text: 'No SMTP service here' }, phase).outcome,
      'deferred',
    );
});

test('an enhanced code of another class than the reply code counts for nothing', () => {
  const reply = { code: 450, enhanced: '5.1.1', text: 'later' };
  const { outcome, category, rule } = classifyReply(reply, 'rcpt');
  assert.deepEqual([outcome, category, rule], ['deferred', 'server_busy', 'code-450']);
});

test('whatever the words: 2xx is delivered, 4xx deferred, 5xx never delivered, anything else deferred', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 999 }),
      fc.option(fc.string({ maxLength: 12 })),
      fc.string({ maxLength: 200 }),
      fc.constantFrom(...phases),
      (code, enhanced, text, phase) => {
        const { outcome } = classifyReply({ code, enhanced, text }, phase);
        if (code >= 200 && code < 300) assert.equal(outcome, 'delivered');
        else if (code >= 500 && code < 600) assert.notEqual(outcome, 'delivered');
        else assert.equal(outcome, 'deferred');
      },
    ),
  );
});

test('no block, and no reply without words for it, is held against the recipient', () => {
  const blocks = answers.filter(([, , , , category]) =>
    [
      'ip_listed',
      'domain_listed',
      'reputation',
      'spam_content',
      'policy',
      'authentication',
      'other',
    ].includes(category),
  );
  for (const [phase, code, enhanced, text] of blocks)
    assert.ok(!recipientCategories.has(classifyReply({ code, enhanced, text }, phase).category), text);
});

test('a text made to be slow to match is looked at in no time', () => {
  const text = `${'address '.repeat(20_000)}spf ${'user does '.repeat(20_000)}`;
  const begun = performance.now();
  for (let round = 0; round < 100; round++) classifyReply({ code: 550, enhanced: null, text }, 'rcpt');
  assert.ok(performance.now() - begun < 2_000);
});

test('only what DNS says for good bounces without a reply', () => {
  const { outcome, category, hard } = classifyFailure('no_mx');
  assert.deepEqual([outcome, category, hard], ['bounced', 'no_mx', true]);
  assert.equal(classifyFailure('no_domain').category, 'invalid_domain');
  for (const kind of ['dns', 'connect', 'proxy', 'tls', 'timeout', 'lost'] as const)
    assert.equal(classifyFailure(kind).outcome, 'deferred');
  // Not the server's: whoever counts its failures must not count this one.
  assert.equal(classifyFailure('proxy').category, 'proxy_failed');
});
