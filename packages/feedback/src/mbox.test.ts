import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMbox, MboxSplitter, splitMbox } from './mbox.ts';

const split = (text: string): string[] =>
  [...splitMbox(Buffer.from(text, 'latin1'))].map((mail) => mail.toString('latin1'));

const from = 'From MAILER-DAEMON Thu Apr 29 16:51:04 2027\n';

test('each mail under its From line, without the empty line after it', () => {
  assert.deepEqual(split(`${from}Subject: a\n\none\n\n${from}Subject: b\n\ntwo\n`), [
    'Subject: a\n\none\n',
    'Subject: b\n\ntwo\n',
  ]);
  assert.deepEqual(split(`${from}Subject: a\r\n\r\none\r\n\r\n${from}Subject: b\r\n\r\n`).length, 2);
});

test('quoted From lines lose one angle bracket, of mboxo and of mboxrd', () => {
  assert.deepEqual(split(`${from}S: a\n\n>From x\n>>From y\n> From z\n`), [
    'S: a\n\nFrom x\n>From y\n> From z\n',
  ]);
});

test('a From line in the middle of a paragraph, or of prose after an empty line, splits nothing', () => {
  assert.equal(split(`${from}S: a\n\nline\n${from}more\n`).length, 1);
  assert.equal(split(`${from}S: a\n\nFrom all of us: good luck\n`).length, 1);
});

test('bytes that do not begin as an mbox are one mail', () => {
  assert.deepEqual(split('Subject: a\n\nFrom the start\n'), ['Subject: a\n\nFrom the start\n']);
  assert.equal(isMbox(Buffer.from('From: a@b.example\n')), false);
  assert.deepEqual(split(''), []);
});

test('in whatever pieces it comes, the mails are the same', () => {
  const text = `${from}S: a\n\none\n>From x\n\n${from}S: b\n\n\n\ntwo\n\n${from}S: c\n\n`;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 }), (sizes) => {
      const splitter = new MboxSplitter();
      const mails: string[] = [];
      const bytes = Buffer.from(text);
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        mails.push(...splitter.push(bytes.subarray(at, at + size)).map(String));
        at += size;
      }
      mails.push(...splitter.end().map(String));
      assert.deepEqual(mails, split(text));
    }),
  );
});

test('a mail without end is kept in bounded memory', () => {
  const splitter = new MboxSplitter();
  splitter.push(Buffer.from(`${from}S: a\n\n`));
  const line = Buffer.from(`${'x'.repeat(99)}\n`.repeat(10_000));
  for (let round = 0; round < 40; round++) assert.deepEqual(splitter.push(line), []);
  const mails = [...splitter.push(Buffer.from(`\n${from}S: b\n\nend\n`)), ...splitter.end()];
  assert.equal(mails.length, 2);
  assert.ok((mails[0]?.length ?? 0) <= 8_388_608);
  assert.equal(String(mails[1]), 'S: b\n\nend\n');
});
