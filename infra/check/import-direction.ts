/** Who may import whom: services → packages → core → schemas; packages only through their door. */
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** What each folder may import of ours, by workspace name; `*` of a kind is written out. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  schemas: [],
  'packages/core': ['@millrace/schemas'],
  'packages/feedback': ['@millrace/core'],
  'packages/kafka': ['@millrace/core', '@millrace/schemas'],
  'packages/message': ['@millrace/core', '@millrace/schemas'],
  'packages/smtp': ['@millrace/core'],
  'packages/service': ['@millrace/core', '@millrace/schemas'],
  'packages/shaping': ['@millrace/core', '@millrace/service'],
};
const packages = [
  '@millrace/core',
  '@millrace/feedback',
  '@millrace/kafka',
  '@millrace/message',
  '@millrace/schemas',
  '@millrace/service',
  '@millrace/shaping',
  '@millrace/smtp',
];
/** Doors that only tests and their rigs go through. */
const testDoors: readonly string[] = ['@millrace/kafka/testing', '@millrace/smtp/testing'];
/** The sandbox is also a tool that the command line starts in its own process. */
const serviceExceptions: Readonly<Record<string, readonly string[]>> = {
  'services/cli': ['@millrace/sandbox'],
};

const importOf =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s*['"]([^'"]+)['"]/g;

/** Lists each import that goes the wrong way, as `file: why`. */
export async function checkImportDirection(root: string): Promise<string[]> {
  const problems: string[] = [];
  for await (const file of glob('{packages,services,schemas}/**/*.ts', {
    cwd: root,
    exclude: (name) => name.endsWith('node_modules'),
  })) {
    const home = file.startsWith('schemas/') ? 'schemas' : file.split('/').slice(0, 2).join('/');
    for (const specifier of importsOf(readFileSync(join(root, file), 'utf8'))) {
      const problem = wrongImport(root, file, home, specifier);
      if (problem) problems.push(`${file}: ${problem}`);
    }
  }
  return problems;
}

/** Module specifiers that a source text imports or re-exports from. */
export function importsOf(source: string): string[] {
  return [...source.matchAll(importOf)].flatMap((match) => match[1] ?? match[2] ?? match[3] ?? []);
}

function wrongImport(root: string, file: string, home: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    const target = relative(root, resolve(root, dirname(file), specifier));
    if (target.startsWith(`${home}/`)) return undefined;
    return `imports ${specifier}, past the door of another workspace`;
  }
  if (!specifier.startsWith('@millrace/')) return undefined;
  const name = specifier.split('/').slice(0, 2).join('/');
  if (name === nameOf(home)) return undefined;
  const forTests = testDoors.includes(specifier) && /(?:\.test|-rig)\.ts$/.test(file);
  if (specifier !== name && !forTests) return `imports ${specifier}, past its door`;
  const permitted = allowed[home] ?? [...packages, ...(serviceExceptions[home] ?? [])];
  return permitted.includes(name) ? undefined : `${home} must not import ${name}`;
}

/** The workspace in a folder: all of ours are named for theirs. */
const nameOf = (home: string): string => `@millrace/${home.split('/').at(-1)}`;
