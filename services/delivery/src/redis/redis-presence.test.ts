import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RedisPresence } from './redis-presence.ts';

test('it is trusted some time after it came back, at once when it was there from the start', () => {
  let now = 0;
  const seen: boolean[] = [];
  const presence = new RedisPresence({
    returningMs: 1_000,
    nowMs: () => now,
    onChange: (here) => seen.push(here),
  });
  assert.equal(presence.state, 'away');
  presence.answered();
  assert.equal(presence.state, 'here');

  now = 10_000;
  presence.failed(new Error('gone'));
  presence.failed(new Error('still gone'));
  assert.equal(presence.state, 'away');
  now = 15_000;
  assert.equal(presence.sinceMs, 5_000);
  presence.answered();
  presence.answered();
  assert.equal(presence.state, 'returning');
  now = 15_999;
  assert.equal(presence.state, 'returning');
  now = 16_000;
  assert.equal(presence.state, 'here');
  assert.deepEqual(seen, [true, false, true]);
});

test('an outage during the start counts as one', () => {
  let now = 0;
  const presence = new RedisPresence({ returningMs: 1_000, nowMs: () => now });
  now = 5_000;
  presence.answered();
  assert.equal(presence.state, 'returning');
});

test('a call that fails is noted and swallowed, one that comes is handed on', async () => {
  const presence = new RedisPresence();
  assert.equal(await presence.note(Promise.resolve(7)), 7);
  assert.equal(presence.state, 'here');
  assert.equal(await presence.note(Promise.reject(new Error('gone'))), undefined);
  assert.equal(presence.state, 'away');
});
