/** Writes docs/shaping.schema.json; with `--check` only says whether it is as the code has it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { shapingJsonSchema } from './src/json-schema.ts';

const file = resolve(import.meta.dirname, '../../docs/shaping.schema.json');
const text = `${JSON.stringify(shapingJsonSchema(), null, 2)}\n`;
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error(
    'docs/shaping.schema.json is not what the code says: run node packages/shaping/generate-docs.ts',
  );
  process.exit(1);
}
