import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArgumentError, routerArguments } from './arguments.ts';

test('a router takes the requests of one stream', () => {
  assert.deepEqual(routerArguments(['--stream', 'realtime']), { stream: 'realtime' });
  assert.deepEqual(routerArguments(['--stream=batch']), { stream: 'batch' });
});

test('without a stream, or with another word, it says what to write', () => {
  const wrong = [[], ['--stream', 'fast'], ['--shard', 'gmail']];
  for (const args of wrong) assert.throws(() => routerArguments(args), ArgumentError);
  assert.throws(
    () => routerArguments(['--stream', 'fast']),
    /"fast" is no stream: write --stream realtime or/,
  );
});
