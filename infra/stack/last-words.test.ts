import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lastWords } from './last-words.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-log-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const wordsOf = (text: string): string => {
  const file = join(directory, 'a.log');
  writeFileSync(file, text);
  return lastWords(file);
};

test('the last error speaks, not the stack trace below it or the talk after it', () => {
  assert.equal(
    wordsOf(`starting
2026-01-01 ERROR KafkaServer Exception: the disk is full
\tat kafka.Kafka.main(Kafka.scala:12)
    at java.lang.Thread.run(Thread.java:1)
good-bye
`),
    '2026-01-01 ERROR KafkaServer Exception: the disk is full',
  );
});

test('without an error the last line speaks', () => {
  assert.equal(wordsOf('one\ntwo\n\n'), 'two');
});

test('a JSON log record is read as text', () => {
  assert.equal(
    wordsOf('{"level":"fatal","msg":"Ending","err":{"message":"the port is in use","stack":"..."}}\n'),
    'Ending: the port is in use',
  );
});

test('an empty log has nothing to say, a long one is cut', () => {
  assert.equal(wordsOf(''), '(nothing)');
  assert.equal(wordsOf(`error ${'x'.repeat(100_000)}`).length, 403);
});
