import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReport } from '@millrace/feedback';
import { plainBehaviour } from '../behaviour.ts';
import { askedAnswer, bounceStyles, drawnAnswer, lateWords } from './late-answer.ts';
import {
  type Answered,
  autoReplyMail,
  bounceMail,
  complaintMail,
  unsubscribeMail,
  unsubscribeWays,
} from './late-mails.ts';

const recipient = 'reader+1@gmail.com';
const headers = [
  { name: 'From', value: 'News <news@acme.example>' },
  { name: 'To', value: recipient },
  { name: 'Subject', value: 'A letter' },
  { name: 'Message-ID', value: '<1@acme.example>' },
  {
    name: 'List-Unsubscribe',
    value: '<https://acme.example/u/abc>, <mailto:u%2Babc@acme.example?subject=unsubscribe>',
  },
];
const mail: Answered = {
  headers,
  headerText: `${headers.map(({ name, value }) => `${name}: ${value}\r\n`).join('')}\r\n`,
  mailFrom: 'b+token@bounces.acme.example',
  recipient,
  mxHost: 'mx.gmail.test',
  now: 1_800_000_000_000,
  id: 'abc123',
  clientAddress: '127.0.3.1',
};

test('each style of a bounce is a mail that says who failed and why, and brings the header back', async () => {
  for (const style of bounceStyles)
    for (const hard of [true, false]) {
      const report = await parseReport(Buffer.from(bounceMail(mail, style, hard), 'latin1'));
      const [failed] = report.recipients;
      assert.deepEqual(
        [report.kind, failed?.address, failed?.hard, failed?.category],
        ['bounce', recipient, hard, hard ? 'invalid_recipient' : 'mailbox_full'],
        style,
      );
      assert.equal(report.returned?.messageId, '1@acme.example', style);
    }
});

test('a complaint, a vacation notice and a mail that unsubscribes are taken for what they are', async () => {
  const complaint = await parseReport(Buffer.from(complaintMail(mail, 'fbl@acme.example')));
  assert.deepEqual([complaint.kind, complaint.complaint?.address], ['complaint', recipient]);
  assert.equal((await parseReport(Buffer.from(autoReplyMail(mail)))).kind, 'auto-reply');
  const { mailto, https } = unsubscribeWays(headers);
  assert.equal(https, 'https://acme.example/u/abc');
  assert.equal(decodeURIComponent(mailto?.pathname ?? ''), 'u+abc@acme.example');
  const unsubscribe = await parseReport(
    Buffer.from(unsubscribeMail(mail, 'u+abc@acme.example', 'unsubscribe')),
  );
  assert.equal(unsubscribe.kind, 'unsubscribe');
});

test('a recipient’s name asks for an answer, chance for at most one, each by its share', () => {
  for (const word of Object.keys(lateWords)) {
    assert.ok(askedAnswer(`${word}@gmail.com`, 0), word);
    assert.ok(askedAnswer(`${word}+17@gmail.com`, 0), word);
    assert.equal(askedAnswer(`not-${word}@gmail.com`, 0), undefined);
  }
  const shares = { ...plainBehaviour, late_bounce_share: 0.1, complaint_share: 0.1, one_click_share: 0.1 };
  assert.equal(drawnAnswer(0.05, shares, 0)?.kind, 'bounce');
  assert.equal(drawnAnswer(0.15, shares, 0)?.kind, 'complaint');
  assert.equal(drawnAnswer(0.25, shares, 0)?.kind, 'one_click');
  assert.equal(drawnAnswer(0.35, shares, 0), undefined);
  assert.equal(drawnAnswer(0, plainBehaviour, 0), undefined);
});
