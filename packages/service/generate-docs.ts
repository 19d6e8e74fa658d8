/** Writes docs/configuration.md; with `--check` only says whether it is as the schema has it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { configPage } from './src/config-page.ts';

const file = resolve(import.meta.dirname, '../../docs/configuration.md');
const page = configPage();
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (!existsSync(file) || readFileSync(file, 'utf8') !== page) {
  console.error(
    'docs/configuration.md is not what the schema says: run node packages/service/generate-docs.ts',
  );
  process.exit(1);
}
