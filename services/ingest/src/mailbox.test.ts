import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import addressparser from 'nodemailer/lib/addressparser';
import { mailboxesOf, splitMailbox } from './mailbox.ts';

/** What the parser makes of it. */
const parsed = (text: string) =>
  addressparser(text, { flatten: true })
    .filter(({ address }) => address !== '')
    .map(({ address, name }) => ({ address, name: name === '' ? null : name }));

const word = fc.string({
  unit: fc.constantFrom(...'aZ09.-_!#$%&\'*+/=?^`{|}~üé@,;:"()<>\\ \t'),
  maxLength: 8,
});
const form = fc
  .tuple(fc.array(word, { maxLength: 4 }), word, word)
  .map(([words, local, domain]) => `${words.join(' ')} <${local}@${domain}>`);
const plain = fc.stringMatching(/^(?:[\w!#$%&'*+/=?^`{|}~.-]{1,6} ){0,3}<[\w.+-]{1,8}@[\w.-]{1,12}>$/);

test('the quick way for plain mailboxes finds what the parser finds', () => {
  fc.assert(
    fc.property(fc.oneof(form, plain), (text) => {
      assert.deepEqual(mailboxesOf(text), parsed(text));
      assert.deepEqual(mailboxesOf(text.trim()), parsed(text.trim()));
    }),
    { numRuns: 2_000 },
  );
  assert.deepEqual(mailboxesOf('Ada Lovelace <ada@example.com>'), [
    { address: 'ada@example.com', name: 'Ada Lovelace' },
  ]);
  assert.deepEqual(splitMailbox('<ada@example.com>'), { address: 'ada@example.com', name: null });
});
