import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FeedbackReport, isAgainstTheMail, parseReport } from './index.ts';

const parse = (text: string): Promise<FeedbackReport> => parseReport(Buffer.from(text));

const head = (fields: readonly string[] = []): string =>
  [
    'Return-Path: <>',
    'From: MAILER-DAEMON@mx.there.example',
    'To: b+token@bounces.here.example',
    ...fields,
  ].join('\n');

/** A delivery status notification with these groups of fields. */
const dsn = (
  status: string,
  { words = 'It failed.', returned = '', type = 'message/delivery-status' } = {},
): string =>
  `${head(['Subject: Delivery Status Notification', 'MIME-Version: 1.0', 'Content-Type: multipart/report; report-type=delivery-status; boundary="x"'])}

--x
Content-Type: text/plain

${words}

--x
Content-Type: ${type}

${status}

--x
Content-Type: text/rfc822-headers

${returned}
--x--
`;

const addresses = ({ recipients }: FeedbackReport): unknown => recipients.map(({ address }) => address);

test('every recipient of a delivery status, with its own answer', async () => {
  const report = await parse(
    dsn(`Reporting-MTA: dns; mx.there.example

Final-Recipient: rfc822; ada@there.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; a.there.example
Diagnostic-Code: smtp; 550 5.1.1 No such
 user here

Final-Recipient: RFC822;<Bob@There.Example>
Action: Delayed
Status: 4.2.2 (mailbox full)

Final-Recipient: rfc822; eve@there.example
Action: delivered
Status: 2.0.0`),
  );
  assert.equal(report.kind, 'bounce');
  assert.deepEqual(
    report.recipients.map((one) => [
      one.address,
      one.action,
      one.status,
      one.replyCode,
      one.category,
      one.hard,
    ]),
    [
      ['ada@there.example', 'failed', '5.1.1', 550, 'invalid_recipient', true],
      ['Bob@there.example', 'delayed', '4.2.2', null, 'mailbox_full', false],
      ['eve@there.example', 'delivered', '2.0.0', null, 'other', false],
    ],
  );
  const [first] = report.recipients;
  assert.equal(first?.diagnostic, '550 5.1.1 No such user here');
  assert.deepEqual([first?.reportingMta, first?.remoteMta], ['mx.there.example', 'a.there.example']);
});

test('the address is the one that the sender used; where it led stands beside it', async () => {
  const { recipients } = await parse(
    dsn(
      'Original-Recipient: rfc822; ada@here.example\nFinal-Recipient: rfc822; lovelace@there.example\nAction: failed\nStatus: 5.1.1',
    ),
  );
  assert.deepEqual(
    [recipients[0]?.address, recipients[0]?.finalAddress],
    ['ada@here.example', 'lovelace@there.example'],
  );
});

test('addresses in xtext, in UTF-8, and of local users', async () => {
  const cases: readonly [string, string][] = [
    ['rfc822; ada+40there.example', 'ada@there.example'],
    ['rfc822; ada+tag@there.example', 'ada+tag@there.example'],
    ['utf-8; \\x{430}da@there.example', 'аda@there.example'],
    ['utf-8; дамир@пример.example', 'дамир@пример.example'],
    ['rfc822; ada', 'ada@mx.there.example'],
    ['LOCAL; ada@there.example', 'ada@there.example'],
    ['@relay.example:ada@there.example', 'ada@there.example'],
    ['rfc822; a@b.c', 'a@b.c'],
    ['rfc822; ada@#there.example', 'ada@#there.example'],
  ];
  for (const [written, address] of cases) {
    const status = `Reporting-MTA: dns; mx.there.example\n\nFinal-Recipient: ${written}\nAction: failed\nStatus: 5.1.1`;
    for (const type of ['message/delivery-status', 'message/global-delivery-status'])
      assert.deepEqual(addresses(await parse(dsn(status, { type }))), [address], written);
  }
});

test('a file or a program at the reporting host is nobody: who was written to is', async () => {
  for (const path of ['/var/mail/ada', '|/usr/bin/vacation']) {
    const report = await parse(
      `X-Failed-Recipients: ada@there.example\n${dsn(`Reporting-MTA: dns; mx.there.example\n\nFinal-Recipient: rfc822;${path}\nAction: failed\nStatus: 5.2.2`)}`,
    );
    assert.deepEqual([report.kind, addresses(report)], ['bounce', ['ada@there.example']], path);
    assert.equal(report.recipients[0]?.category, 'mailbox_full');
  }
});

test('one block for all, missing Action, status without recipient, fields in any order', async () => {
  const cases: readonly [string, readonly string[]][] = [
    [
      'Reporting-MTA: dns; x\nStatus: 5.1.1\nFinal-Recipient: rfc822; a@x.example\nAction: failed',
      ['a@x.example'],
    ],
    [
      'Final-Recipient: rfc822; a@x.example\nStatus: 5.1.1\nFinal-Recipient: rfc822; b@x.example\nStatus: 5.1.1',
      ['a@x.example', 'b@x.example'],
    ],
    [
      'Original-Recipient: <a@x.example>\nAction: failed\nDiagnostic-Code: smtp; 550 no such user',
      ['a@x.example'],
    ],
    ['Final-Recipient: rfc822; a@x.example\n\nAction: failed\nStatus: 5.1.1', ['a@x.example']],
  ];
  for (const [status, expected] of cases) {
    const report = await parse(dsn(status));
    assert.equal(report.kind, 'bounce', status);
    assert.deepEqual(addresses(report), expected, status);
  }
});

test('a delivery status that a gateway has flattened into the words', async () => {
  const report = await parse(
    `${head(['Subject: Undeliverable'])}\n\nSorry.\n\nReporting-MTA: dns; mx.there.example\n\nFinal-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 5.2.2\n`,
  );
  assert.deepEqual(
    [report.kind, addresses(report), report.recipients[0]?.category],
    ['bounce', ['ada@there.example'], 'mailbox_full'],
  );
});

test('a report that another mail wraps', async () => {
  const inner = dsn('Final-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 5.1.1');
  const report = await parse(
    `From: abuse@here.example\nTo: b+outer@bounces.here.example\nSubject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: text/plain\n\nFYI\n\n--o\nContent-Type: message/rfc822\n\n${inner}\n--o--\n`,
  );
  assert.deepEqual([report.kind, addresses(report)], ['bounce', ['ada@there.example']]);
  assert.ok(
    report.sentTo.includes('b+outer@bounces.here.example') &&
      report.sentTo.includes('b+token@bounces.here.example'),
  );
});

test('only arrived, relayed or expanded: nothing failed', async () => {
  for (const action of ['delivered', 'relayed', 'expanded']) {
    const report = await parse(
      dsn(`Final-Recipient: rfc822; ada@there.example\nAction: ${action}\nStatus: 2.0.0`),
    );
    assert.deepEqual([report.kind, report.reason], ['unknown', 'delivered']);
  }
});

test('given up after days of delays is a bounce, but no hard one', async () => {
  const report = await parse(
    dsn(
      'Final-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; delivery temporarily suspended: connect to x: Connection refused',
    ),
  );
  assert.deepEqual([report.kind, report.recipients[0]?.hard], ['bounce', false]);
});

test('sendmail of old says Deferred of what it returns: given up, not delayed', async () => {
  const { kind, recipients } = await parse(
    `From: MAILER-DAEMON@mx.there.example
Subject: Returned mail: Deferred: Connection timed out during user open with there.example

   ----- Transcript of session follows -----
421 there.example (smtp)... Deferred: Connection timed out during user open with there.example

   ----- Unsent message follows -----
Received: by mx.here.example; Thu, 29 Apr 2027 16:51:04 +0000
From: news@here.example
To: ada@there.example
Subject: Spring
`,
  );
  assert.deepEqual(
    [kind, recipients.map(({ address, action, hard }) => [address, action, hard])],
    ['bounce', [['ada@there.example', 'failed', false]]],
  );
});

test('what helps to find the message', async () => {
  const report = await parse(
    dsn('Final-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 5.1.1', {
      returned:
        'Message-ID: <m1@here.example>\nFeedback-ID: spring:acme:batch:here\nFrom: shop@here.example\nTo: Ada <ada@there.example>\nSubject: =?utf-8?q?Fr=C3=BChling?=\nX-Campaign: spring\nList-Unsubscribe: <https://here.example/u/1>',
    }),
  );
  assert.deepEqual(report.sentTo, ['b+token@bounces.here.example']);
  assert.deepEqual(report.returned, {
    messageId: 'm1@here.example',
    feedbackId: 'spring:acme:batch:here',
    from: 'shop@here.example',
    to: ['ada@there.example'],
    subject: 'Frühling',
    date: null,
    returnPath: null,
    listUnsubscribe: '<https://here.example/u/1>',
    xHeaders: { 'x-campaign': 'spring' },
  });
});

test('who failed, when the words name nobody: the field for it, the returned message, a classic VERP address', async () => {
  const cases: readonly [string, string | null, string][] = [
    [
      `${head(['Subject: failure notice', 'X-Failed-Recipients: ada@there.example'])}\n\nNo.\n`,
      'ada@there.example',
      'header',
    ],
    [
      `From: MAILER-DAEMON@x.example\nTo: bounces+ada=there.example@here.example\nSubject: failure notice\n\nIt failed.\n`,
      'ada@there.example',
      'verp',
    ],
    [
      `${head(['Subject: Returned mail'])}\n\nYour mail could not be delivered.\n\n----- Original message -----\nReceived: from x\nMessage-ID: <1@here.example>\nFrom: shop@here.example\nTo: ada@there.example\n\nHi\n`,
      'ada@there.example',
      'returned_message',
    ],
    [`${head(['Subject: failure notice'])}\n\nThe mailbox is full.\n`, null, 'none'],
  ];
  for (const [text, address, evidence] of cases) {
    const { kind, recipients } = await parse(text);
    assert.deepEqual(
      [kind, recipients[0]?.address, recipients[0]?.evidence],
      ['bounce', address, evidence],
      text,
    );
  }
});

const arf = (report: string, { from = 'fbl@isp.example', original = 'To: ada@there.example' } = {}): string =>
  `From: ${from}
To: fbl+token@bounces.here.example
Subject: FW: Spring
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="x"

--x
Content-Type: text/plain

This is an email abuse report.

--x
Content-Type: message/feedback-report

${report}

--x
Content-Type: message/rfc822

Message-ID: <m1@here.example>
From: shop@here.example
${original}
Subject: Spring

Hello
--x--
`;

test('a complaint in the abuse reporting format', async () => {
  const { kind, complaint, returned, recipients } = await parse(
    arf(`Feedback-Type: abuse
User-Agent: Yahoo!-Mail-Feedback/2.0
Version: 0.1
Original-Mail-From: <b+token@bounces.here.example>
Original-Rcpt-To: ada@there.example
Arrival-Date: Thu, 29 Apr 2027 16:51:04 +0000
Reporting-MTA: dns; mta.isp.example
Source-IP: 192.0.2.1
Reported-Domain: Here.Example
Incidents: 3`),
  );
  assert.equal(kind, 'complaint');
  assert.deepEqual(recipients, []);
  assert.deepEqual(complaint, {
    type: 'abuse',
    address: 'ada@there.example',
    redacted: false,
    sourceIp: '192.0.2.1',
    reportedDomain: 'here.example',
    userAgent: 'Yahoo!-Mail-Feedback/2.0',
    originalMailFrom: 'b+token@bounces.here.example',
    arrivalDate: 'Thu, 29 Apr 2027 16:51:04 +0000',
    reportingMta: 'mta.isp.example',
    authFailure: null,
    incidents: 3,
  });
  assert.equal(returned?.messageId, 'm1@here.example');
});

test('redacted recipients are nobody, and are said to be redacted', async () => {
  for (const stand of [
    'redacted@isp.example',
    'xxxxx@isp.example',
    '0123456789abcdef0123456789abcdef@isp.example',
  ]) {
    const { complaint } = await parse(
      arf(`Feedback-Type: abuse\nOriginal-Rcpt-To: ${stand}`, { original: `To: ${stand}` }),
    );
    assert.deepEqual([complaint?.address, complaint?.redacted], [null, true], stand);
  }
});

test('feedback types keep apart who must get no more mail', async () => {
  for (const [type, against] of [
    ['abuse', true],
    ['fraud', true],
    ['opt-out', true],
    ['not-spam', false],
    ['auth-failure', false],
  ] as const) {
    const { kind, complaint } = await parse(arf(`Feedback-Type: ${type}`));
    assert.equal(kind, 'complaint');
    assert.ok(complaint !== null);
    assert.equal(isAgainstTheMail(complaint), against, type);
  }
});

test('Microsoft attaches the mail, and names the complainer in a field of it', async () => {
  const { kind, origin, complaint } = await parse(`From: staff@hotmail.com
To: fbl@here.example
Subject: complaint about message from 192.0.2.1
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: ada@hotmail.com
Received: from here.example ([192.0.2.1])
From: shop@here.example
To: undisclosed
Message-ID: <m1@here.example>

Hello
--x--
`);
  assert.deepEqual(
    [kind, origin, complaint?.address, complaint?.sourceIp, complaint?.reportedDomain],
    ['complaint', 'outlook', 'ada@hotmail.com', '192.0.2.1', 'here.example'],
  );
});

test('auto-replies, by their fields, subjects and words, are no bounces', async () => {
  const replies = [
    'From: ada@there.example\nSubject: Re: Spring\nAuto-Submitted: auto-replied\n\nI will be back on Monday.\n',
    'From: ada@there.example\nSubject: Automatic reply: Spring\nX-Auto-Response-Suppress: All\n\nI am on annual leave.\n',
    'From: ada@there.example\nSubject: Out of Office: Spring\n\nBack soon.\n',
    'From: ada@there.example\nSubject: Abwesenheitsnotiz: Spring\n\nIch bin bis Montag nicht im Büro.\n',
    'From: ada@there.example\nSubject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Spring?=\n\nJe suis en congés.\n',
    'From: ada@there.example\nSubject: Re: Spring\nPrecedence: auto_reply\n\nThank you for your message.\n',
    'From: ada@there.example\nSubject: Spring\nX-Autoreply: yes\n\nThis mailbox is not monitored; mail could not be delivered to a person.\n',
    'From: support@there.example\nSubject: [Ticket #4711] We received your request\nAuto-Submitted: auto-generated\nIn-Reply-To: <m1@here.example>\n\nThanks.\n',
    'From: ada@there.example\nSubject: Re: Spring\n\nI am currently out of the office and have limited access to email.\n',
    'From: ada@there.example\nSubject: 自動返信: Spring\n\n不在にしております。\n',
    'From: ada@there.example\nSubject: [Automatyczna odpowiedź] Spring\n\nDzień dobry.\n',
    'From: ada@there.example\nSubject: Automatiskt svar: Spring\n\nHej!\n',
    'From: ada@there.example\nSubject: Автоматична відповідь: Spring\n\nДобрий день.\n',
    'From: ada@there.example\nSubject: תשובה אוטומטית: Spring\n\nשלום\n',
    'From: ada@there.example\nSubject: Undeliverable? No: I have left\nAuto-Submitted: auto-replied\n\nAda has left the company; her address is no longer valid.\n',
  ];
  for (const text of replies)
    assert.equal((await parse(`To: b+token@bounces.here.example\n${text}`)).kind, 'auto-reply', text);
});

test('requests to be taken off', async () => {
  const requests = [
    'To: u+token@bounces.here.example\nFrom: ada@there.example\nSubject: \n\n',
    'To: unsubscribe-42@here.example\nFrom: ada@there.example\nSubject: hello\n\n',
    'To: news@here.example\nFrom: ada@there.example\nSubject: unsubscribe\n\n',
    'To: news@here.example\nFrom: ada@there.example\nSubject: Re: Abmelden\n\n',
    'To: news@here.example\nFrom: ada@there.example\nSubject: \n\nPlease remove me from your list.\n',
  ];
  for (const text of requests) assert.equal((await parse(text)).kind, 'unsubscribe', text);
});

test('what changes nothing is unknown, with the reason', async () => {
  const noise: readonly [string, string][] = [
    ['From: ada@there.example\nSubject: Re: Spring\n\nNice! Did my last mail bounce?\n', 'mail'],
    ['From: win@spam.example\nSubject: You won\n\nClick http://spam.example/550 now\n', 'mail'],
    [
      'From: ada@there.example\nSubject: Please confirm your message\n\nTo deliver it, click the link: one time confirmation, prove that you are human.\n',
      'challenge',
    ],
    [
      'From: noreply@boxbe.com\nSubject: Re: Spring (Action Required)\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="x"\n\n--x\nContent-Type: text/plain\n\nYour message is waiting: click the link.\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; boxbe.com\n\nFinal-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 4.7.0\n\n--x--\n',
      'challenge',
    ],
    [
      'From: list-owner@lists.example\nSubject: Your message to List awaits moderator approval\nPrecedence: bulk\nX-Mailman-Version: 2.1\n\nYour mail is being held.\n',
      'list',
    ],
    [
      'From: dmarc@isp.example\nSubject: Report Domain: here.example Submitter: isp.example Report-ID: 1\n\n',
      'authentication_report',
    ],
    [
      'From: ada@there.example\nSubject: Read: Spring\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary="x"\n\n--x\nContent-Type: text/plain\n\nIt was read.\n\n--x\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; ada@there.example\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--x--\n',
      'read_receipt',
    ],
    ['', 'not_mail'],
    ['just some words\n', 'not_mail'],
  ];
  for (const [text, reason] of noise) {
    const report = await parse(text);
    assert.deepEqual([report.kind, report.reason], ['unknown', reason], text);
  }
});

test('broken MIME, bare CR, an mbox line, a byte order mark: read all the same', async () => {
  const whole = dsn('Final-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 5.1.1');
  const broken = [
    whole.replaceAll('\n', '\r\n'),
    whole.replaceAll('\n', '\r'),
    `From MAILER-DAEMON Thu Apr 29 16:51:04 2027\n${whole}`,
    `\ufeff${whole}`,
    `\r\n\r\n${whole}`,
    whole.replace('--x--', ''),
    whole.replace('boundary="x"', 'boundary="y"'),
    whole.replace('Content-Type: message/delivery-status', 'Content-Type: text/plain'),
    whole.replace('Content-Type: message/delivery-status', 'Content-Type: application/octet-stream'),
  ];
  for (const text of broken) {
    const report = await parse(text);
    assert.deepEqual([report.kind, addresses(report)], ['bounce', ['ada@there.example']], text);
  }
});

test('so many bytes are looked at, and the report says when there were more', async () => {
  const whole = dsn('Final-Recipient: rfc822; ada@there.example\nAction: failed\nStatus: 5.1.1');
  const long = Buffer.from(whole + 'x'.repeat(100_000));
  assert.equal((await parseReport(long)).truncated, false);
  const report = await parseReport(long, { maxBytes: 10_000 });
  assert.deepEqual([report.truncated, addresses(report)], [true, ['ada@there.example']]);
});

test('whatever the bytes, a report comes back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ maxLength: 200 }),
      async (bytes, text) => {
        for (const raw of [
          Buffer.from(bytes),
          Buffer.concat([Buffer.from(`${head()}\n${text}\n\n`), Buffer.from(bytes)]),
        ]) {
          const { kind, reason } = await parseReport(raw);
          assert.equal(kind === 'unknown', reason !== null);
        }
      },
    ),
    { numRuns: 200 },
  );
});
