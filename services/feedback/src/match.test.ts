import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verpAddress, verpToken } from '@millrace/message';
import { match, matchToken } from './match.ts';
import {
  bounce,
  inbound,
  link,
  matchOptions,
  messageId,
  recipient,
  reported,
  returned,
  returnPath,
  secret,
  token,
} from './specimens.ts';

const to = (...recipients: string[]) => inbound({ recipients });

test('a return path names its message, and proves tenant and recipient of what the report says', () => {
  const found = match(to(returnPath), bounce(), matchOptions);
  assert.deepEqual(
    [found.by, found.certainty, found.messageId, found.tenant, found.recipient],
    ['verp', 'certain', messageId, 'acme', recipient],
  );
  const other = match(
    to(returnPath),
    bounce({ recipients: [reported({ address: 'eve@example.org' })] }),
    matchOptions,
  );
  assert.deepEqual([other.messageId, other.tenant, other.recipient], [messageId, null, null]);
});

test('it counts as well where only the mail itself says where it was sent, and in any case of letters', () => {
  const found = match(inbound(), bounce({ sentTo: [returnPath.toUpperCase()] }), matchOptions);
  assert.equal(found.messageId, messageId);
});

test('a return path that somebody made up, or of another domain, names nothing', () => {
  const forged = verpAddress(
    verpToken(messageId, { tenant: 'acme', recipient }, 'another secret of tests'),
    'bounces.acme.example',
  );
  for (const address of [forged, verpAddress(token, 'elsewhere.example')])
    assert.equal(match(to(address), bounce(), matchOptions).by, 'none', address);
});

test('the link in what came back proves all of it, also folded', () => {
  const listUnsubscribe = `<https://acme.example/unsubscribe/${link.slice(0, 50)}\r\n ${link.slice(50)}>, <mailto:x>`;
  const found = match(
    to('fbl@acme.example'),
    bounce({ returned: returned({ listUnsubscribe }) }),
    matchOptions,
  );
  assert.deepEqual(
    [found.by, found.certainty, found.messageId, found.recipient, found.campaign, found.list],
    ['unsubscribe_token', 'certain', messageId, recipient, 'autumn', 'news'],
  );
});

test('without a token the Message-ID is probable, a Feedback-ID or the recipient alone possible', () => {
  const byId = match(
    inbound(),
    bounce({ returned: returned({ messageId: `${messageId}@acme.example` }) }),
    matchOptions,
  );
  assert.deepEqual([byId.by, byId.certainty, byId.messageId], ['message_id', 'probable', messageId]);
  const feedbackId = 'autumn:acme:news:millrace';
  const byFeedbackId = match(inbound(), bounce({ returned: returned({ feedbackId }) }), matchOptions);
  assert.deepEqual(
    [byFeedbackId.by, byFeedbackId.certainty, byFeedbackId.tenant, byFeedbackId.campaign, byFeedbackId.list],
    ['feedback_id', 'possible', 'acme', 'autumn', 'news'],
  );
  const others = match(
    inbound(),
    bounce({ returned: returned({ feedbackId: 'a:acme:b:other' }) }),
    matchOptions,
  );
  assert.equal(others.by, 'none');
  const one = match(inbound(), bounce(), { ...matchOptions, tenants: ['acme'] });
  assert.deepEqual([one.by, one.certainty, one.tenant], ['recipient', 'possible', 'acme']);
  assert.equal(match(inbound(), bounce(), matchOptions).by, 'none', 'of which tenant?');
});

test('a mail to an unsubscribe address is one, whatever it says', () => {
  const report = bounce({ kind: 'unknown', reason: 'mail', recipients: [], from: recipient });
  const found = match(to(`unsubscribe+${token}@acme.example`), report, matchOptions);
  assert.deepEqual([found.atUnsubscribe, found.messageId], [true, messageId]);
});

test('a token of a link is read with its own secret only', () => {
  assert.equal(matchToken(link, secret)?.recipient, recipient);
  assert.equal(matchToken(link, 'another secret of tests'), undefined);
  assert.equal(matchToken(link, undefined), undefined);
});
