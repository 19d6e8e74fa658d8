import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerOf, messageIdOf } from './header-fields.ts';

const messageId = (text: string) => messageIdOf(Buffer.from(text, 'latin1'));

test('the header ends with the first empty line; without one it is all', () => {
  const header = (text: string) => headerOf(Buffer.from(text)).toString();
  assert.equal(header('A: b\r\n\r\nbody\r\n\r\nmore'), 'A: b\r\n\r\n');
  assert.equal(header('\r\nbody\r\n\r\nmore'), '\r\n');
  assert.equal(header('A: b\r\n'), 'A: b\r\n');
  assert.equal(header(''), '');
});

test('Message-ID is found however its name is written and wherever it stands', () => {
  const others = ['Subject: <2@x>', 'X-Message-ID: <3@x>', 'References: <4@x>'];
  for (const name of ['Message-ID', 'Message-Id', 'message-id', 'MESSAGE-ID']) {
    for (let at = 0; at <= others.length; at++) {
      const lines = [...others.slice(0, at), `${name}: <1@x>`, ...others.slice(at)];
      assert.equal(messageId(`${lines.join('\r\n')}\r\n\r\n`), '1@x', `${name} in line ${at + 1}`);
    }
  }
});

test('Message-ID may be folded, without brackets, without a space, or not there', () => {
  assert.equal(messageId('A: b\r\nMessage-ID:\r\n <1@x>\r\nC: <d>\r\n\r\n'), '1@x');
  assert.equal(messageId('A: b\r\nMessage-ID:<1@x>\r\nC: <d>\r\n\r\n'), '1@x');
  assert.equal(messageId('A: b\r\nMessage-ID: 1@x \r\nC: <d>\r\n\r\n'), '1@x');
  assert.equal(messageId('A: b\r\nMessage-ID: 1@x\r\n\r\n'), '1@x');
  assert.equal(messageId('A: b\r\nMessage-ID: <\xe9@x>\r\n\r\n'), '\xe9@x');
  assert.equal(messageId('A: b\r\n\r\n'), '');
});
