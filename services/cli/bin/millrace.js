#!/usr/bin/env node
// `millrace`, whatever Node started it (20 or newer): our code is TypeScript run as it is, for which Node 24 from npm
// is needed. Plain JavaScript, because an older Node reads this file.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const main = resolve(here, '../src/main.ts');

/** The Node that `npm ci` has put beside our other dependencies, up the directory tree. */
const installedNode = () => {
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  for (let directory = here; ; directory = dirname(directory)) {
    const candidate = join(directory, 'node_modules', 'node', 'bin', program);
    if (existsSync(candidate)) return candidate;
    if (directory === dirname(directory)) return undefined;
  }
};

const handOver = (node) => {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the whole group; other senders signal only us.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`millrace: Node 24 could not be started (${error.message}).`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
};

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(main);
} else {
  const node = installedNode();
  if (node === undefined) {
    console.error('millrace: the dependencies are not installed: run `npm ci` in the checkout first.');
    process.exit(1);
  }
  handOver(node);
}
