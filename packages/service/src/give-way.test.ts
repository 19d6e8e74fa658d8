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
  const threads = process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
  let group = 'none';
  try { group = readFileSync('/proc/self/autogroup', 'utf8').trim(); } catch { group = 'none'; }
  console.log(JSON.stringify({ threads: threads.map((thread) => getPriority(thread)), group }));
`;

/** `detached`: in a session of its own. */
const afterGivingWay = async (
  detached: boolean,
): Promise<{ readonly threads: readonly number[]; readonly group: string }> => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    detached,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout));
};

test('every thread gives way, and the scheduling group where it is its own', async () => {
  const { threads, group } = await afterGivingWay(true);
  assert.ok(threads.length > 0);
  assert.deepEqual([...new Set(threads)], [10]);
  // Kernels without these groups weigh the threads themselves.
  assert.match(group, /^none$|nice 10$/);
});

test('a process of a session that others share leaves their group alone', async () => {
  const { threads, group } = await afterGivingWay(false);
  assert.deepEqual([...new Set(threads)], [10]);
  assert.doesNotMatch(group, /nice 10$/);
});
