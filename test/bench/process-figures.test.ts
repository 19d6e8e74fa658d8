import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { measureProcesses } from './process-figures.ts';

const burn = (ms: number): string =>
  `const t = process.cpuUsage(); for (;;) { const u = process.cpuUsage(t); if (u.user + u.system > ${ms * 1_000}) break; }`;

test('counts the CPU time that a process used in between, and its memory', async () => {
  const child = spawn(process.execPath, [
    '-e',
    `process.stdin.once('data', () => { ${burn(300)} console.log('done'); process.stdin.once('data', () => process.exit()); });`,
  ]);
  const figures = measureProcesses([{ name: 'child', pid: child.pid ?? 0 }]);
  child.stdin.write('go');
  await once(child.stdout, 'data');
  const [used] = figures();
  child.stdin.write('end');
  await once(child, 'exit');
  assert.ok(used && used.cpuMs >= 280 && used.cpuMs < 3_000, `${used?.cpuMs} ms`);
  assert.ok(used.peakRssMb > 20 && used.peakRssMb < 500, `${used.peakRssMb} MB`);
});

test('a tree counts descendants, those that have ended included', async () => {
  const script = `const { spawnSync } = require('node:child_process');
    process.stdin.once('data', () => { spawnSync(process.execPath, ['-e', ${JSON.stringify(burn(300))}]); console.log('done'); process.stdin.once('data', () => process.exit()); });`;
  const child = spawn(process.execPath, ['-e', script]);
  const [alone, tree] = [false, true].map((whole) =>
    measureProcesses([{ name: 'child', pid: child.pid ?? 0, tree: whole }]),
  );
  child.stdin.write('go');
  await once(child.stdout, 'data');
  const difference = (tree?.()[0]?.cpuMs ?? 0) - (alone?.()[0]?.cpuMs ?? 0);
  child.stdin.write('end');
  await once(child, 'exit');
  assert.ok(difference >= 280, `${difference} ms`);
});
