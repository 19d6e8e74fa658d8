import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coalesced } from './coalesced.ts';

test('callers during a run share the one after it', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const call = coalesced(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  const first = call();
  const second = call();
  const third = call();
  assert.equal(runs.length, 1);
  assert.equal(second, third);
  runs[0]?.resolve();
  await first;
  assert.equal(runs.length, 2);
  runs[1]?.resolve();
  await second;
  assert.equal(runs.length, 2);
});

test('a failure reaches those who waited for that run, and the next is tried all the same', async () => {
  let runs = 0;
  const call = coalesced(async () => {
    runs++;
    if (runs === 1) throw new Error('away');
  });
  const first = call();
  const second = call();
  await assert.rejects(first, /away/);
  await second;
  assert.equal(runs, 2);
});
