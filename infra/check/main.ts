/** `npm run check`: everything that must hold at each commit and needs no running server. */
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { checkComposeFile } from './compose-file.ts';
import { checkImportDirection } from './import-direction.ts';
import { checkSchemaCompatibility } from './schema-compatibility.ts';

const root = resolve(import.meta.dirname, '../..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

function command(file: string, args: readonly string[]): string[] {
  const result = spawnSync(file, [...args], { cwd: root, encoding: 'utf8' });
  if (result.error) return [result.error.message];
  return result.status === 0 ? [] : [`${result.stdout}${result.stderr}`.trim()];
}

const checks: readonly { readonly name: string; readonly run: () => string[] | Promise<string[]> }[] = [
  { name: 'types', run: () => command(bin('tsc'), ['-p', '.']) },
  { name: 'style (Biome)', run: () => command(bin('biome'), ['check', '.']) },
  { name: 'generated types', run: () => command(process.execPath, ['schemas/generate.ts', '--check']) },
  { name: 'schema compatibility', run: () => checkSchemaCompatibility(root) },
  { name: 'import direction', run: () => checkImportDirection(root) },
  { name: 'docker-compose.yml', run: () => checkComposeFile(root) },
  {
    name: 'configuration page',
    run: () => command(process.execPath, ['packages/service/generate-docs.ts', '--check']),
  },
  {
    name: 'schema of the shaping file',
    run: () => command(process.execPath, ['packages/shaping/generate-docs.ts', '--check']),
  },
  {
    name: 'schema of webhooks',
    run: () => command(process.execPath, ['services/webhooks/generate-docs.ts', '--check']),
  },
];

let failed = 0;
for (const { name, run } of checks) {
  const problems = await run();
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  for (const problem of problems) console.log(problem.replace(/^/gm, '       '));
  failed += problems.length === 0 ? 0 : 1;
}
process.exit(failed === 0 ? 0 : 1);
