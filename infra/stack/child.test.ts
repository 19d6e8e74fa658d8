import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAlive, startChild } from './child.ts';
import { runsWith } from './process-list.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-child-'));
after(() => rmSync(directory, { recursive: true, force: true }));

let number = 0;
const child = (script: string, options: { stopTimeoutMs?: number; signal?: AbortSignal } = {}) => {
  number += 1;
  return startChild({
    name: 'The child',
    command: process.execPath,
    args: ['-e', script],
    logFile: join(directory, `${number}.log`),
    ...options,
  });
};
const lastsLong = 'setInterval(() => undefined, 1000)';

test('its output goes to the log file, and it stops when it is told', async () => {
  const running = child(`console.log('hello'); ${lastsLong}`);
  await running.untilReady(async () => readFileSync(running.logFile, 'utf8').includes('hello'), 30_000);
  assert.equal(running.running, true);
  await running.stop();
  assert.equal(running.running, false);
  assert.equal(isAlive(running.pid), false);
  assert.deepEqual(await running.ended, { code: null, signal: 'SIGTERM' });
});

test('one that does not listen is killed after its time', async () => {
  const deaf = child(`process.on('SIGTERM', () => undefined); console.log('deaf'); ${lastsLong}`, {
    stopTimeoutMs: 200,
  });
  await deaf.untilReady(async () => readFileSync(deaf.logFile, 'utf8').includes('deaf'), 30_000);
  await deaf.stop();
  assert.deepEqual(await deaf.ended, { code: null, signal: 'SIGKILL' });
});

test('one that dies while it starts is told of in one sentence, with its last words', async () => {
  const dying = child(`console.error('the cellar is flooded: error 5'); process.exit(3)`);
  await assert.rejects(
    dying.untilReady(async () => false, 30_000),
    {
      code: 'ERR_CHILD_DIED',
      message: `The child ended with code 3 while it was starting; the end of its log (${dying.logFile}) says: the cellar is flooded: error 5`,
    },
  );
});

test('one that is never ready is told of', async () => {
  const slow = child(lastsLong);
  await assert.rejects(
    slow.untilReady(async () => false, 50),
    { code: 'ERR_CHILD_SLOW' },
  );
  await slow.stop();
});

test('a command that does not exist is told of', async () => {
  const missing = startChild({
    name: 'The child',
    command: join(directory, 'no-such-program'),
    args: [],
    logFile: join(directory, 'missing.log'),
  });
  await assert.rejects(
    missing.untilReady(async () => false, 30_000),
    {
      code: 'ERR_CHILD_DIED',
      message: /^The child could not be started \(.*ENOENT/,
    },
  );
});

test('waiting ends with the reason of the signal', async () => {
  const ending = new AbortController();
  const running = child(lastsLong, { signal: ending.signal });
  const ready = running.untilReady(async () => false, 30_000);
  ending.abort(new Error('enough'));
  await assert.rejects(ready, { message: 'enough' });
  await running.stop();
});

test('a process is known by its number and its command line together', async () => {
  const running = child(`/* a-word-of-its-own */ ${lastsLong}`);
  await running.untilReady(async () => runsWith(running.pid, 'a-word-of-its-own'), 30_000);
  assert.equal(runsWith(running.pid, 'another-word'), false);
  await running.stop();
  assert.equal(runsWith(running.pid, 'a-word-of-its-own'), false);
});
