import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSuppressionKey, suppressionKey } from './record-keys.ts';

test('a key of a suppression names tenant, address and list again', () => {
  for (const parts of [
    { tenant: 'acme', address: 'a@example.com', list: null },
    { tenant: 'acme', address: '@example.com', list: null },
    { tenant: 'acme', address: 'a/b#c@example.com', list: null },
    { tenant: 'acme', address: 'a@example.com', list: 'weekly/news #1' },
    { tenant: 'acme', address: 'a#b@example.com', list: '*' },
  ])
    assert.deepEqual(parseSuppressionKey(suppressionKey(parts.tenant, parts.address, parts.list)), parts);
});

test('what is no key names nothing', () => {
  assert.equal(parseSuppressionKey('acme'), undefined);
  assert.equal(parseSuppressionKey('acme#%E0%A4%A/a@example.com'), undefined);
});
