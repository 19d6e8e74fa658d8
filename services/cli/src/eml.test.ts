import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipientsOf } from './eml.ts';

test('recipients are those of To and Cc, groups and folded lines included, each once', () => {
  const message = [
    'From: "To: nobody" <shop@acme.example>',
    'To: Ada <ada@gmail.com>,',
    '\t"Hopper, Grace" <grace@yahoo.com>',
    'CC: team: linus@kernel.example, ada@gmail.com;',
    'Bcc: secret@acme.example',
    'Subject: To: me@acme.example',
    '',
    'To: body@acme.example',
  ];
  for (const end of ['\r\n', '\n'])
    assert.deepEqual(recipientsOf(Buffer.from(message.join(end))), [
      'ada@gmail.com',
      'grace@yahoo.com',
      'linus@kernel.example',
    ]);
});

test('a message without recipients, a header without body, and bytes that are no message name nobody', () => {
  assert.deepEqual(recipientsOf(Buffer.from('From: a@b.example\r\n\r\nHello')), []);
  assert.deepEqual(recipientsOf(Buffer.from('To: a@b.example')), ['a@b.example']);
  assert.deepEqual(recipientsOf(Buffer.from([0, 255, 13, 10, 13, 10])), []);
});
