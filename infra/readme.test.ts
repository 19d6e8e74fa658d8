import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '@millrace/service';
import { root } from './installation.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-readme-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const pages = ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md'];
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

test('the configuration that the README shows is one', () => {
  const yaml = /```yaml\n([^`]*)```/.exec(read('README.md'))?.[1] ?? '';
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  for (const name of ['s1.pem', 's2.pem'])
    writeFileSync(join(directory, name), key.export({ type: 'pkcs8', format: 'pem' }));
  const file = join(directory, 'millrace.yaml');
  writeFileSync(
    file,
    yaml.replaceAll('/etc/millrace', directory).replace('<SHA-256 of the key, in hex>', '0'.repeat(64)),
  );
  const config = loadConfig({ file, env: {} });
  assert.equal(config.pools.batch?.sources.length, 2);
  assert.equal(config.dkim[0]?.keys.length, 2);
});

test('every file that the pages link to is there', () => {
  for (const page of pages) {
    const links = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    for (const target of links)
      assert.ok(existsSync(join(root, dirname(page), target)), `${page} links to ${target}`);
  }
});

test('every npm script that the pages name is there', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));
  for (const page of pages)
    for (const [, name = ''] of read(page).matchAll(/npm run ([a-z]+)/g))
      assert.ok(scripts[name], `${page} names npm run ${name}`);
});
