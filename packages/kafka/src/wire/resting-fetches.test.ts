import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestingFetches } from './resting-fetches.ts';

/** Until `signal` aborts. */
const forever = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('heartbeats go on while a fetch rests, and the first that fails ends it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let beats = 0;
  const fetches = new RestingFetches({
    heartbeat: async () => {
      beats += 1;
      if (beats === 3) throw new Error('The group is rebalancing');
    },
  });
  fetches.answered('1', true);
  const resting = fetches.rest(forever);
  t.mock.timers.tick(3_500);
  assert.equal(await resting, undefined);
  assert.equal(fetches.isIdle('1'), false);
  t.mock.timers.tick(3_000);
  assert.equal(beats, 3);
});

test('waking ends those that rest at every broker, and nothing else', async () => {
  const fetches = new RestingFetches({ heartbeat: async () => undefined });
  const resting = Promise.all([fetches.rest(forever), fetches.rest(forever)]);
  fetches.wake();
  assert.deepEqual(await resting, [undefined, undefined]);
  assert.equal(await fetches.rest(async () => 'an answer'), 'an answer');
  const failure = new Error('no broker');
  await assert.rejects(
    fetches.rest(async () => {
      throw failure;
    }),
    failure,
  );
});

test('a broker is idle as long as it has nothing to tell', () => {
  const fetches = new RestingFetches({ heartbeat: async () => undefined });
  assert.equal(fetches.isIdle('1'), false);
  fetches.answered('1', true);
  assert.deepEqual([fetches.isIdle('1'), fetches.isIdle('2')], [true, false]);
  fetches.answered('1', false);
  assert.equal(fetches.isIdle('1'), false);
});
