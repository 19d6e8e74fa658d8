import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SendResult, SmtpError, type SmtpReply } from '@millrace/smtp';
import { tryResult } from './try-result.ts';

const reply = (code: number, enhanced: string | null, text: string): SmtpReply => ({
  code,
  enhanced,
  text,
  lines: [text],
});
const refused = (phase: 'mail' | 'rcpt' | 'data' | 'body', said: SmtpReply): SendResult => ({
  kind: 'refused',
  phase,
  reply: said,
  local: false,
});
const lost = (phase: 'mail' | 'body', dotSent: boolean): SendResult => ({
  kind: 'failed',
  phase,
  error: new SmtpError('ERR_SMTP_CLOSED', phase, 'the server closed the connection'),
  dotSent,
});
const first = { earlierMails: 0, atMostOnce: false };
const later = { earlierMails: 3, atMostOnce: false };

test('replies decide by what they mean', () => {
  assert.equal(tryResult({ kind: 'delivered', reply: reply(250, '2.0.0', 'OK') }, first).kind, 'delivered');
  assert.equal(tryResult(refused('rcpt', reply(550, '5.1.1', 'No such user')), first).kind, 'bounced');
  assert.equal(tryResult(refused('rcpt', reply(450, '4.2.1', 'Greylisted')), first).kind, 'deferred');
});

test('a session that others have used may be over: that is no try', () => {
  const full = reply(421, null, 'Max message per connection reached, closing transmission channel');
  assert.equal(tryResult(refused('mail', full), later).kind, 'not_tried');
  assert.equal(tryResult(refused('mail', full), first).kind, 'deferred');
  assert.equal(tryResult(lost('mail', false), later).kind, 'not_tried');
  assert.equal(tryResult(lost('mail', false), first).kind, 'deferred');
  assert.equal(tryResult(lost('body', false), later).kind, 'deferred');
});

test('a 421 that is about the sender counts, also on a session that others have used', () => {
  const slow = reply(421, '4.7.0', '[TSS04] Messages from 192.0.2.1 temporarily deferred');
  const result = tryResult(refused('mail', slow), later);
  assert.equal(result.kind, 'deferred');
});

test('after the dot nobody knows: at least once tries again, at most once does not', () => {
  assert.equal(tryResult(lost('body', true), first).kind, 'deferred');
  assert.equal(tryResult(lost('body', true), { earlierMails: 0, atMostOnce: true }).kind, 'bounced');
  assert.equal(tryResult(lost('body', false), { earlierMails: 0, atMostOnce: true }).kind, 'deferred');
});
