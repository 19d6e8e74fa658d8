import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommand } from './command.ts';

const pathOf = (line: string) => {
  const command = parseCommand(line);
  return 'path' in command ? command.path : command.verb;
};

test('the path of MAIL and RCPT ends at the first > that is not quoted', () => {
  for (const path of [
    'a@b.test',
    '"a>b"@c.test',
    '"a \\" > b"@c.test',
    '"a"."b>"@c.test',
    'x"<>"',
    'b+kq=x@c.test',
  ]) {
    assert.equal(pathOf(`MAIL FROM:<${path}>`), path);
    assert.equal(pathOf(`rcpt to: <${path}>`), path);
    assert.equal(pathOf(`MAIL FROM:<${path}> SIZE=1`), path);
  }
});

test('only the sender may be empty; a quote or a path that does not end is wrong', () => {
  assert.equal(pathOf('MAIL FROM:<>'), '');
  for (const line of [
    'RCPT TO:<>',
    'RCPT TO:<> x',
    'MAIL FROM:<"a@b>',
    'MAIL FROM:<a@b',
    'MAIL FROM:<a>b>',
  ]) {
    assert.equal(pathOf(line), 'syntax', line);
  }
});

test('a long path that does not end is refused, though it could be read in many ways', () => {
  assert.equal(pathOf(`MAIL FROM:<${'a'.repeat(4_000)}`), 'syntax');
  assert.equal(pathOf(`MAIL FROM:<${'"a"b'.repeat(1_000)}`), 'syntax');
});

test('parameters come in order, as they were written', () => {
  const command = parseCommand('MAIL FROM:<a@b.test>  size=1   Body=8BITMIME ');
  assert.deepEqual(command, { verb: 'MAIL', path: 'a@b.test', parameters: ['size=1', 'Body=8BITMIME'] });
});
