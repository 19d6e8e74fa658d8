/** Writes docs/webhooks.schema.json; with `--check` only says whether it is as the code has it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { payloadJsonSchema } from './src/payload-schema.ts';

const file = resolve(import.meta.dirname, '../../docs/webhooks.schema.json');
const text = `${JSON.stringify(payloadJsonSchema(), null, 2)}\n`;
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error(
    'docs/webhooks.schema.json is not what the code says: run node services/webhooks/generate-docs.ts',
  );
  process.exit(1);
}
