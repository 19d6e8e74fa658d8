import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const program = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { getPriority } from 'node:os';
  import { giveWay } from ${JSON.stringify(join(import.meta.dirname, 'give-way.ts'))};
  await giveWay();
  const linux = process.platform === 'linux';
  const nameOf = (thread) => linux ? readFileSync('/proc/self/task/' + thread + '/comm', 'utf8').trim() : '';
  const threads = linux ? readdirSync('/proc/self/task').map(Number) : [0];
  let group = 'none';
  try { group = readFileSync('/proc/self/autogroup', 'utf8').trim(); } catch { group = 'none'; }
  console.log(JSON.stringify({
    threads: threads.map((thread) => [nameOf(thread).startsWith('libuv-worker') ? 'pool' : 'other', getPriority(thread)]),
    group,
  }));
`;

/** `detached`: in a session of its own. */
const afterGivingWay = async (
  detached: boolean,
): Promise<{ readonly threads: readonly (readonly [string, number])[]; readonly group: string }> => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    detached,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout));
};

/** The threads of the pool more than the event loop, which gives them their work. */
const assertGaveWay = (threads: readonly (readonly [string, number])[]): void => {
  const by = Map.groupBy(threads, ([name]) => name);
  assert.deepEqual(new Set(by.get('other')?.map(([, niceness]) => niceness)), new Set([10]));
  if (process.platform === 'linux')
    assert.deepEqual(new Set(by.get('pool')?.map(([, niceness]) => niceness)), new Set([15]));
};

test('every thread gives way, and the scheduling group where it is its own', async () => {
  const { threads, group } = await afterGivingWay(true);
  assert.ok(threads.length > 0);
  assertGaveWay(threads);
  // Kernels without these groups weigh the threads themselves.
  assert.match(group, /^none$|nice 10$/);
});

test('a process of a session that others share leaves their group alone', async () => {
  const { threads, group } = await afterGivingWay(false);
  assertGaveWay(threads);
  assert.doesNotMatch(group, /nice 10$/);
});
