import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newMessageId } from '@millrace/core';
import fc from 'fast-check';
import { decodeBase32, encodeBase32 } from './base32.ts';
import {
  readUnsubscribeToken,
  unsubscribeKeys,
  unsubscribeMailto,
  unsubscribeToken,
  unsubscribeUrl,
} from './unsubscribe.ts';
import { readVerp, readVerpToken, verpAddress, verpNames, verpToken } from './verp.ts';

const anyId = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 44 }), fc.uint8Array({ minLength: 10, maxLength: 10 }))
  .map(([time, random]) => newMessageId(time, (bytes) => bytes.set(random)));
const secret = 'a secret of the tests';
const to = { tenant: 'acme', recipient: 'Bob@example.org' };

test('base32 reads back what it wrote, in any case', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = encodeBase32(bytes);
      assert.match(text, /^[a-z2-7]*$/);
      assert.deepEqual(decodeBase32(text), Buffer.from(bytes));
      assert.deepEqual(decodeBase32(text.toUpperCase()), Buffer.from(bytes));
    }),
  );
  assert.equal(encodeBase32(Buffer.from('foobar')), 'mzxw6ytboi');
  for (const text of ['1', 'a!', 'ab1', 'b', 'mz9']) assert.equal(decodeBase32(text), undefined, text);
});

test('a return path leads back to its message, also when its case was lost', () => {
  fc.assert(
    fc.property(anyId, fc.option(fc.constant(secret), { nil: undefined }), (id, key) => {
      const address = verpAddress(verpToken(id, to, key), 'bounce.example.com');
      assert.ok(address.indexOf('@') <= 64);
      assert.equal(readVerp(address, key), id);
      assert.equal(readVerp(address.toUpperCase(), key), id);
    }),
  );
});

test('a return path that somebody made up leads nowhere', () => {
  fc.assert(
    fc.property(anyId, (id) => {
      const token = verpToken(id, to, secret);
      assert.equal(readVerp(verpAddress(verpToken(id, to, undefined), 'x.example'), secret), undefined);
      assert.equal(
        readVerp(verpAddress(verpToken(id, to, 'another secret of tests'), 'x.example'), secret),
        undefined,
      );
      const changed = `${token[0] === 'a' ? 'b' : 'a'}${token.slice(1)}`;
      assert.equal(readVerpToken(changed, secret), undefined);
    }),
  );
  for (const address of [
    '',
    'b+@x.example',
    'bob@x.example',
    `b+${'a'.repeat(26)}@x.example`,
    `b+${'a'.repeat(44)}@x.example`,
  ]) {
    assert.equal(readVerp(address, secret), undefined, address);
  }
});

test('a token knows whom its message went to', () => {
  fc.assert(
    fc.property(anyId, (id) => {
      const token = verpToken(id, to, secret);
      assert.equal(verpNames(token, { tenant: 'acme', recipient: 'bob@EXAMPLE.org' }, secret), true);
      assert.equal(verpNames(token.toUpperCase(), to, secret), true);
      assert.equal(verpNames(token, { ...to, tenant: 'other' }, secret), false);
      assert.equal(verpNames(token, { ...to, recipient: 'eve@example.org' }, secret), false);
      const other = verpToken(id, { ...to, recipient: 'eve@example.org' }, secret);
      const mixed = token.slice(0, 26) + other.slice(26, 34) + token.slice(34);
      assert.equal(readVerpToken(mixed, secret), undefined, 'the proof covers the recipient');
    }),
  );
});

const anyFacts = fc.record({
  list: fc.option(fc.constantFrom('news', 'weekly offers')),
  messageId: anyId,
  tenant: fc.constantFrom('acme', 'a-b.c'),
  recipient: fc.constantFrom('bob@example.org', '用户@example.org', '"a b"@example.org'),
  campaign: fc.option(
    fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .map((text) => `c${text.replaceAll('\0', '')}`),
  ),
});

test('an unsubscription says who and from what, and is the same each time', () => {
  const keys = unsubscribeKeys(secret);
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const token = unsubscribeToken(facts, keys);
      assert.match(token, /^[\w-]+$/);
      assert.equal(unsubscribeToken(facts, keys), token);
      assert.deepEqual(readUnsubscribeToken(token, secret), {
        ...facts,
        campaign: facts.campaign?.toWellFormed() ?? null,
      });
      assert.equal(readUnsubscribeToken(token, 'another secret of tests'), undefined);
    }),
  );
});

test('a changed or cut token says nothing', () => {
  const token = Buffer.from(
    unsubscribeToken(
      {
        messageId: newMessageId(1),
        tenant: 'acme',
        recipient: 'bob@example.org',
        campaign: null,
        list: null,
      },
      unsubscribeKeys(secret),
    ),
    'base64url',
  );
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(token);
      changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
      assert.equal(readUnsubscribeToken(changed.toString('base64url'), secret), undefined);
      assert.equal(readUnsubscribeToken(token.subarray(0, at).toString('base64url'), secret), undefined);
    }),
  );
});

test('links and addresses are made of what is configured', () => {
  const facts = {
    messageId: newMessageId(1),
    tenant: 'acme',
    recipient: 'bob@example.org',
    campaign: null,
    list: null,
  };
  const keys = unsubscribeKeys(secret);
  assert.equal(unsubscribeUrl(facts, { secret }, keys), undefined);
  assert.equal(unsubscribeMailto('token', { secret }), undefined);
  assert.match(
    unsubscribeUrl(facts, { secret, url: 'https://example.com/{token}?x=1' }, keys) ?? '',
    /^https:\/\/example\.com\/[\w-]+\?x=1$/,
  );
  assert.equal(
    unsubscribeMailto('token', { secret, mailto: 'u@example.com' }),
    'mailto:u%2Btoken@example.com?subject=unsubscribe',
  );
});
