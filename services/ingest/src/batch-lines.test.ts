import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { batchAnswers } from './batch-lines.ts';

const lines = 20_000;

test('other work has its turn while a long batch is being read', async () => {
  const line = JSON.stringify({ from: 'a@acme.example', to: ['b@gmail.com'], subject: 'Hi', text: 'Hi' });
  const input = async function* () {
    yield Buffer.from(`${line}\n`.repeat(lines));
  };
  let taken = 0;
  const answers = batchAnswers(
    input(),
    async () => {
      taken += 1;
      return { request_id: 'r', messages: [] };
    },
    { signal: new AbortController().signal, onInternal: (error) => assert.fail(String(error)) },
  );
  let turns = 0;
  const otherWork = (async () => {
    while (taken < lines) {
      await nextTurn();
      turns += 1;
    }
  })();
  let answered = 0;
  for await (const text of answers) answered += text.split('\n').length - 1;
  await otherWork;
  assert.equal(answered, lines);
  // A turn a millisecond of reading; without them there would be one or two in all.
  assert.ok(turns > 5, `${turns} turns`);
});
