/** `millrace feedback parse` and `millrace classify`: no server, no configuration. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cliRig } from '../rig.ts';

const bounce = (address: string, more = ''): string => `Return-Path: <>
From: MAILER-DAEMON@mx.example.org
To: b+token@bounces.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: text/plain

This is the mail system at host mx.example.org.

<${address}>: host a.example said: 550 5.1.1 No such user (in reply to RCPT TO command)

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; ${address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user
${more}
--x
Content-Type: text/rfc822-headers

Message-ID: <m1@example.com>
Feedback-ID: c:t:s
To: ${address}
X-Campaign: spring

--x--
`;

const lines = (out: string): { file: string; [name: string]: unknown }[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('one JSON line a report, of the form that docs/cli.md promises', async () => {
  using rig = cliRig();
  writeFileSync(join(rig.directory, 'a.eml'), bounce('ada@example.org'));
  const { code, out, err } = await rig.run('feedback', 'parse', 'a.eml', '--json');
  assert.equal(code, 0, err);
  assert.deepEqual(lines(out), [
    {
      file: 'a.eml',
      kind: 'bounce',
      origin: 'postfix',
      recipients: [
        {
          address: 'ada@example.org',
          action: 'failed',
          status: '5.1.1',
          replyCode: 550,
          category: 'invalid_recipient',
          hard: true,
          diagnostic: '550 5.1.1 No such user',
        },
      ],
      complaint: null,
      matched: {
        messageId: 'm1@example.com',
        feedbackId: 'c:t:s',
        sentTo: ['b+token@bounces.example'],
        returnedTo: ['ada@example.org'],
        subject: null,
        xHeaders: { 'x-campaign': 'spring' },
        reason: null,
      },
    },
  ]);
});

test('every recipient of a report is listed, in JSON and in the table', async () => {
  using rig = cliRig();
  const second = '\nFinal-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.2.2\n';
  writeFileSync(join(rig.directory, 'a.eml'), bounce('ada@example.org', second));
  const json = lines((await rig.run('feedback', 'parse', 'a.eml', '--json')).out);
  assert.deepEqual(
    json
      .flatMap(({ recipients }) => recipients as { address: string; hard: boolean }[])
      .map(({ address, hard }) => [address, hard]),
    [
      ['ada@example.org', true],
      ['bob@example.org', false],
    ],
  );
  const { out } = await rig.run('feedback', 'parse', 'a.eml');
  assert.match(out, /^FILE +KIND +ORIGIN +ADDRESS/);
  assert.match(
    out,
    /a\.eml +bounce +postfix +ada@example\.org +failed +5\.1\.1 +550 +invalid_recipient +hard/,
  );
  assert.match(out, /\n +bob@example\.org +failed +5\.2\.2 +- +mailbox_full +soft/);
  assert.match(out, /1 report: bounce 1\n$/);
});

test('folders below folders, a Maildir, an mbox among mails, standard input', async () => {
  using rig = cliRig({}, bounce('stdin@example.org'));
  const path = (...parts: string[]): string => join(rig.directory, ...parts);
  for (const folder of ['in/deep', 'md/cur', 'md/new', 'md/tmp', 'md/.Old/cur', 'md/.Old/new'])
    mkdirSync(path(folder), { recursive: true });
  writeFileSync(path('in/deep/a.eml'), bounce('a@example.org'));
  // Named for who wrote them, as the bookkeeping of Maildirs is.
  writeFileSync(path('in/deep/courier-01.eml'), bounce('g@example.org'));
  writeFileSync(path('in/deep/dovecot.eml'), bounce('h@example.org'));
  for (const name of ['courierimapuiddb', 'dovecot.index.cache', 'dovecot-keywords'])
    writeFileSync(path('in/deep', name), '1');
  writeFileSync(path('md/cur/1:2,S'), bounce('b@example.org'));
  writeFileSync(path('md/new/2'), bounce('c@example.org'));
  writeFileSync(path('md/tmp/3'), 'half a ma');
  writeFileSync(path('md/dovecot-uidlist'), '3 V1');
  writeFileSync(path('md/.Old/cur/4'), bounce('d@example.org'));
  const from = 'From MAILER-DAEMON Thu Apr 29 16:51:04 2027\n';
  writeFileSync(path('in/box'), `${from}${bounce('e@example.org')}\n${from}${bounce('f@example.org')}`);
  const { code, out, err } = await rig.run('feedback', 'parse', 'in', 'md', '-', '--json');
  assert.equal(code, 0, err);
  assert.deepEqual(
    lines(out).map(({ file, recipients }) => [file, (recipients as { address: string }[])[0]?.address]),
    [
      ['in/box#1', 'e@example.org'],
      ['in/box#2', 'f@example.org'],
      ['in/deep/a.eml', 'a@example.org'],
      ['in/deep/courier-01.eml', 'g@example.org'],
      ['in/deep/dovecot.eml', 'h@example.org'],
      ['md/.Old/cur/4', 'd@example.org'],
      ['md/cur/1:2,S', 'b@example.org'],
      ['md/new/2', 'c@example.org'],
      ['-', 'stdin@example.org'],
    ],
  );
});

test('one mail under a From line has the name of its file', async () => {
  using rig = cliRig();
  const from = 'From MAILER-DAEMON Thu Apr 29 16:51:04 2027\n';
  for (const name of ['one', 'one.eml'])
    writeFileSync(join(rig.directory, name), `${from}${bounce('a@example.org')}`);
  const { out } = await rig.run('feedback', 'parse', 'one', 'one.eml', '--json');
  assert.deepEqual(
    lines(out).map(({ file, kind }) => [file, kind]),
    [
      ['one', 'bounce'],
      ['one.eml', 'bounce'],
    ],
  );
});

test('what cannot be read or is no mail is named, the others are parsed, and the end is 2', async () => {
  using rig = cliRig();
  writeFileSync(join(rig.directory, 'a.eml'), bounce('ada@example.org'));
  writeFileSync(join(rig.directory, 'b.png'), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]));
  writeFileSync(join(rig.directory, 'c.eml'), '');
  const ran = await rig.run('feedback', 'parse', 'none.eml', 'b.png', 'c.eml', 'a.eml', '--json');
  assert.equal(ran.code, 2);
  assert.equal(lines(ran.out).length, 1);
  assert.deepEqual(
    lines(ran.err).map(({ error }) => (error as { file: string }).file),
    ['none.eml', 'b.png', 'c.eml'],
  );
  const shown = await rig.run('feedback', 'parse', 'none.eml', 'a.eml');
  assert.equal(shown.code, 2);
  assert.match(shown.err, /none\.eml: it cannot be read: there is no such file\./);
  assert.match(shown.out, /ada@example\.org/);
});

test('--mbox splits a file', async () => {
  using rig = cliRig();
  const from = 'From MAILER-DAEMON Thu Apr 29 16:51:04 2027\n';
  writeFileSync(
    join(rig.directory, 'box'),
    `${from}${bounce('a@example.org')}\n${from}${bounce('b@example.org')}`,
  );
  assert.equal(lines((await rig.run('feedback', 'parse', '--mbox', 'box', '--json')).out).length, 2);
});

test('classify prints outcome, category, hard or soft and the rule', async () => {
  using rig = cliRig({}, '452 4.2.2 Mailbox full\n\n421 4.7.0 [TSS04] later\n');
  const { code, out } = await rig.run('classify', '550 5.1.1 No such user here');
  assert.equal(code, 0);
  assert.match(out, /bounced +invalid_recipient +hard +enhanced-5\.1\.1 +550 5\.1\.1 No such user here/);
  const json = await rig.run('classify', '-', '550 5.7.1 listed at zen.spamhaus.org', '--json');
  assert.deepEqual(
    lines(json.out).map(({ outcome, category, hard, rule }) => [outcome, category, hard, rule]),
    [
      ['deferred', 'mailbox_full', false, 'text-mailbox-full'],
      ['deferred', 'rate_limited', false, 'yahoo-deferral'],
      ['bounced', 'ip_listed', false, 'text-block-list'],
    ],
  );
  const wrong = await rig.run('classify', '--phase', 'lunch', '550 no');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /--phase "lunch" is no phase/);
});
