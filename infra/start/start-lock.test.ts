import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assertNotRunning, stopLeftovers, writeStartFile } from './start-lock.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
const file = join(directory, 'start.json');
after(() => rmSync(directory, { recursive: true, force: true }));

/** A number that no process has: larger than any system gives. */
const nobody = 2 ** 30;

test('it waits for the services of a start that was killed, and forgets the file', async () => {
  // Stops by itself, as a service does whose parent is gone.
  const service = spawn(process.execPath, [
    '-e',
    '/* services/router/src/main.ts */ setTimeout(() => undefined, 300)',
  ]);
  let gone = false;
  service.once('exit', () => {
    gone = true;
  });
  writeFileSync(file, JSON.stringify({ pid: nobody, services: [{ name: 'router', pid: service.pid }] }));
  assert.equal(await stopLeftovers(directory), 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(gone || service.exitCode !== null);
  assert.equal(existsSync(file), false);
  assert.equal(await stopLeftovers(directory), 0);
});

test('a process that only has the number of a service is left alone', async () => {
  const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  try {
    writeFileSync(file, JSON.stringify({ pid: nobody, services: [{ name: 'router', pid: other.pid }] }));
    assert.equal(await stopLeftovers(directory), 0);
    assert.equal(other.exitCode, null);
    assert.equal(other.signalCode, null);
  } finally {
    other.kill('SIGKILL');
  }
});

test('the one that runs does not stand in its own way, nor does one that is gone', () => {
  writeStartFile(directory, []);
  assert.doesNotThrow(() => assertNotRunning(directory));
  writeFileSync(file, JSON.stringify({ pid: nobody, services: [] }));
  assert.doesNotThrow(() => assertNotRunning(directory));
});
