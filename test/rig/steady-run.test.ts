import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

/** Runs files of these contents as `npm test` does; Node refuses to do that within a test, so in a process of its own. */
const ran = async (contents: Readonly<Record<string, string>>) => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-steady-'));
  try {
    for (const [name, text] of Object.entries(contents))
      writeFileSync(join(root, name), `import { test, describe, before } from 'node:test';\n${text}`);
    const files = Object.keys(contents).map((name) => join(root, name));
    const script = `
      import { writeFileSync } from 'node:fs';
      import { runSteadily } from ${JSON.stringify(join(import.meta.dirname, 'steady-run.ts'))};
      const options = { root: ${JSON.stringify(root)}, concurrency: 2, timeoutMs: 60_000, output: process.stderr };
      const results = await runSteadily({ ...options, files: ${JSON.stringify(files)} });
      console.log(JSON.stringify(results));`;
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT;
    const file = join(root, 'run.mjs');
    writeFileSync(file, script);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { env, cwd: root });
    const results: unknown = JSON.parse(stdout);
    assert.ok(Array.isArray(results));
    const byFile = Object.fromEntries(
      results.map(({ file: path, ...rest }) => [String(path).slice(root.length + 1), rest]),
    );
    return { byFile, stderr };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

/** Fails where its file is not there yet, and makes it. */
const failsOnce = `
  import { existsSync, writeFileSync } from 'node:fs';
  test('steady', () => {});
  test('fails the first time', () => {
    const mark = import.meta.filename + '.seen';
    if (existsSync(mark)) return;
    writeFileSync(mark, '');
    throw new Error('the first time');
  });`;

test('what fails once and passes alone has passed, and is named; what fails twice has failed', async () => {
  const { byFile, stderr } = await ran({
    'good.test.mjs': `test('one', () => {}); test('two', { skip: 'not here' }, () => {});`,
    'once.test.mjs': failsOnce,
    'twice.test.mjs': `test('good', () => {}); test('bad', () => { throw new Error('always'); });`,
  });
  assert.deepEqual(byFile, {
    'good.test.mjs': { passed: 1, failed: 0, skipped: ['two (not here)'], unsteady: false },
    'once.test.mjs': { passed: 2, failed: 0, skipped: [], unsteady: true },
    'twice.test.mjs': { passed: 1, failed: 1, skipped: [], unsteady: false },
  });
  assert.match(stderr, /once more, alone: once\.test\.mjs/);
  assert.doesNotMatch(stderr, /once more, alone: good/);
});

test('a file that cannot be run, ends its process, or fails in a hook has failed', async () => {
  const { byFile } = await ran({
    'syntax.test.mjs': 'this is no JavaScript',
    'exits.test.mjs': `test('one', () => {}); process.exit(3);`,
    'hook.test.mjs': `describe('suite', () => { before(() => { throw new Error('hook'); }); test('in it', () => {}); });`,
    'empty.test.mjs': `describe('suite', () => { before(() => { throw new Error('hook'); }); });`,
  });
  for (const file of ['syntax', 'exits', 'hook', 'empty'])
    assert.ok((byFile[`${file}.test.mjs`]?.failed ?? 0) > 0, `${file}: ${JSON.stringify(byFile)}`);
});
