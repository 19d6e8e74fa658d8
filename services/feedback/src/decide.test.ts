import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedbackReport } from '@millrace/feedback';
import { decide, type ToDecide } from './decide.ts';
import { type Certainty, match } from './match.ts';
import {
  bounce,
  complaint,
  inbound,
  matchOptions,
  messageId,
  recipient,
  reported,
  returnPath,
} from './specimens.ts';

const decided = (report: FeedbackReport, more: Partial<ToDecide> & { certainty?: Certainty } = {}) => {
  const { certainty, ...rest } = more;
  const found = match(inbound({ recipients: [returnPath] }), bounce(), matchOptions);
  return decide({
    reportId: 'r',
    receivedAt: 1_800_000_100_000,
    trusted: false,
    report,
    match: certainty === undefined ? found : { ...found, certainty },
    message: undefined,
    list: null,
    ...rest,
  });
};

test('a hard bounce is an event and a suppression of everything, with the words of the server', () => {
  const { event, suppress, soft } = decided(bounce());
  assert.equal(event?.kind, 'bounced_late');
  assert.equal(event?.event_id, `${messageId}:bounced_late`);
  assert.equal(event?.metadata.certainty, 'certain');
  assert.deepEqual(suppress, {
    ...{ tenant: 'acme', address: recipient.toLowerCase(), reason: 'bounce', streams: [], list: null },
    ...{ messageId, note: '550 5.1.1 User unknown' },
  });
  assert.equal(soft, undefined);
});

test('a block suppresses nobody, a full mailbox is counted', () => {
  for (const category of ['reputation', 'ip_listed', 'spam_content', 'policy', 'authentication'] as const) {
    const { event, suppress, soft } = decided(
      bounce({ recipients: [reported({ category, hard: category === 'policy' })] }),
    );
    assert.deepEqual([event?.bounce_category, suppress, soft], [category, undefined, undefined]);
  }
  const { suppress, soft } = decided(
    bounce({ recipients: [reported({ category: 'mailbox_full', hard: false })] }),
  );
  assert.equal(suppress, undefined);
  assert.deepEqual([soft?.address, soft?.messageId], [recipient.toLowerCase(), messageId]);
});

test('a complaint is one of everything; what is no complaint changes nothing; to opt out is to unsubscribe', () => {
  const of = (type: string) => decided(bounce({ kind: 'complaint', complaint: complaint(type) }));
  assert.deepEqual([of('abuse').event?.kind, of('abuse').suppress?.reason], ['complained', 'complaint']);
  for (const type of ['not-spam', 'auth-failure'])
    assert.deepEqual(of(type), { event: undefined, suppress: undefined, soft: undefined });
  assert.equal(of('opt-out').suppress?.reason, 'unsubscribe');
});

test('an unsubscription is from batch mail of the list of the mail, or of the one that was chosen', () => {
  const of = (more: Partial<ToDecide>) => decided(bounce({ kind: 'unsubscribe' }), more).suppress;
  const found = match(inbound({ recipients: [returnPath] }), bounce(), matchOptions);
  assert.deepEqual(of({ match: { ...found, list: 'news' } })?.list, 'news');
  assert.deepEqual([of({})?.list, of({})?.streams], ['*', ['batch']]);
  assert.equal(of({ match: { ...found, list: 'news' }, list: '*' })?.list, '*');
});

test('what anybody could have written suppresses nobody, unless it came by a trusted way', () => {
  for (const report of [bounce(), bounce({ kind: 'complaint', complaint: complaint('abuse') })]) {
    const { event, suppress } = decided(report, { certainty: 'possible' });
    assert.ok(event);
    assert.equal(suppress, undefined);
    assert.ok(decided(report, { certainty: 'possible', trusted: true }).suppress);
  }
});

test('an answer of a machine is an event alone; a delay is nothing', () => {
  const reply = decided(bounce({ kind: 'auto-reply', subject: 'Away' }));
  assert.deepEqual(
    [reply.event?.kind, reply.event?.text, reply.suppress],
    ['auto_replied', 'Away', undefined],
  );
  assert.equal(decided(bounce({ kind: 'delay' })).event, undefined);
});
