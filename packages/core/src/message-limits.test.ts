import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MessageLimit, messageLimitsOf } from './message-limits.ts';

const limit = (by: MessageLimit['by'], match: string, perSecond: number, of: Partial<MessageLimit> = {}) => ({
  ...{ by, match, isp: undefined, stream: undefined, rate: { perSecond, burst: 1 } },
  ...of,
});
const facts = {
  ...{ tenant: 'acme', campaign: 'spring', tags: ['a', 'b'] },
  ...({ isp: 'gmail', stream: 'batch' } as const),
};
const buckets = (limits: readonly MessageLimit[]) =>
  messageLimitsOf(limits, facts).map(({ bucket }) => bucket);

test('a message keeps to the rates of its tenant, its campaign and its tags, the slowest first', () => {
  const limits = [
    limit('tenant', 'acme', 10),
    limit('tenant', 'other', 1),
    limit('campaign', 'acme/spring', 5),
    limit('campaign', 'other/spring', 1),
    limit('tag', 'b', 7),
  ];
  assert.deepEqual(buckets(limits), [
    'limit/campaign/acme/spring/*/*',
    'limit/tag/b/*/*',
    'limit/tenant/acme/*/*',
  ]);
});

test('a star gives each of them a bucket of its own; what is written before it wins', () => {
  assert.deepEqual(buckets([limit('tag', '*', 3)]), ['limit/tag/a/*/*', 'limit/tag/b/*/*']);
  const found = messageLimitsOf([limit('tenant', 'acme', 9), limit('tenant', '*', 1)], facts);
  assert.deepEqual(found, [{ bucket: 'limit/tenant/acme/*/*', rate: { perSecond: 9, burst: 1 }, index: 0 }]);
});

test('a limit may be of one provider or one stream only', () => {
  const limits = [
    limit('tenant', 'acme', 1, { isp: 'yahoo' }),
    limit('tenant', 'acme', 2, { isp: 'gmail' }),
    limit('tenant', 'acme', 3, { stream: 'realtime' }),
    limit('tenant', 'acme', 4, { stream: 'batch' }),
  ];
  assert.deepEqual(buckets(limits), ['limit/tenant/acme/gmail/*', 'limit/tenant/acme/*/batch']);
  assert.deepEqual(messageLimitsOf(limits, { ...facts, tenant: 'x' }), []);
});
