// Runs one of our TypeScript files on Node 24, whatever Node started us (20 or newer): installs the
// dependencies when they are not what the lock file says, then hands over. Plain JavaScript, because an
// older Node cannot run TypeScript.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const modules = join(root, 'node_modules');
const node24 = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const stamp = join(modules, '.millrace-lock');

const fail = (sentence) => {
  console.error(sentence);
  process.exit(1);
};

const major = Number(process.versions.node.split('.')[0]);
if (major < 20)
  fail(
    `Node 20 or newer is needed to bootstrap, this is ${process.version}: install one from https://nodejs.org.`,
  );

const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
if (!existsSync(node24) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('installing dependencies (npm ci)');
  const install = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (install.error)
    fail(`npm could not be run (${install.error.message}): it comes with Node, see https://nodejs.org.`);
  if (install.status !== 0) fail('npm ci failed (see above): is the npm registry reachable?');
  if (!existsSync(node24))
    fail(
      'Node 24 did not arrive with npm ci: are install scripts switched off (npm config get ignore-scripts)?',
    );
  writeFileSync(stamp, wanted);
}

const [script, ...args] = process.argv.slice(2);
const endWithParent = join(root, 'infra', 'pipeline', 'end-with-parent.ts');
const child = spawn(node24, ['--import', endWithParent, join(root, script), ...args], {
  stdio: 'inherit',
  // Compiled code is kept: a service then starts in half the time.
  env: { NODE_COMPILE_CACHE: join(root, '.millrace', 'cache'), ...process.env },
});
// Who was started by npm ends with npm, however that ended.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  child.kill('SIGTERM');
}, 1_000);
watch.unref();
// A terminal sends Ctrl-C to the whole group and the child stops in its own order; other senders signal only us.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => fail(`Node 24 could not be started (${error.message}).`));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
