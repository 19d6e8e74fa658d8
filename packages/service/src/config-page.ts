/** The page that lists every key of the configuration, out of the schema. */
import { type TSchema, Type } from 'typebox';
import { Config } from './config-schema.ts';
import { overrides } from './environment.ts';
import { annotation, expectedOf } from './setting-words.ts';
import { keyOf } from './yaml-file.ts';

interface Row {
  readonly key: string;
  readonly values: string;
  readonly fallback: string;
  readonly meaning: string;
}

const intro = `# Configuration

One YAML file configures every process of an installation: \`--config FILE\`, else the file that \`MILLRACE_CONFIG\`
names, else \`millrace.yaml\` in the working directory. Without a file every key has its default. Relative file names in
it are meant from the file's own directory, those among the defaults from the working directory. A key that is not
listed here, a value that does not fit and things that do not fit together are all reported at start, with line and key;
values marked *secret* are never shown.

This page is generated from \`packages/service/src/config-schema.ts\`: \`node packages/service/generate-docs.ts\`.
\`<name>\` stands for a name of your own (lower case letters, digits, \`.\`, \`_\`, \`-\`), \`[]\` for an entry of a list.
`;

const descriptionOf = (schema: TSchema, key: string): string => {
  const description = annotation(schema, 'description');
  if (typeof description === 'string' && description !== '') return description;
  throw new Error(`The key ${key} has no description in the schema.`);
};

const isGroup = (schema: TSchema): boolean => Type.IsObject(schema) || Type.IsRecord(schema);

const fallbackOf = (schema: TSchema): string => {
  const fallback = annotation(schema, 'default');
  if (fallback !== undefined) return `\`${JSON.stringify(fallback)}\``;
  return Type.IsOptional(schema) ? '' : '**required**';
};

const valuesOf = (schema: TSchema): string => {
  const secret = annotation(schema, 'secret') === true ? ' *secret*' : '';
  return `${expectedOf(schema).replaceAll('"', '`')}${secret}`;
};

const row = (schema: TSchema, key: string): Row => ({
  key,
  values: valuesOf(schema),
  fallback: fallbackOf(schema),
  meaning: descriptionOf(schema, key),
});

/** What is inside a schema, with how its key goes on. */
const innerOf = (schema: TSchema): readonly (readonly [string, TSchema])[] => {
  if (Type.IsObject(schema)) {
    return Object.entries(schema.properties).map(([name, property]) => [`.${name}`, property]);
  }
  if (Type.IsRecord(schema)) return Object.values(schema.patternProperties).map((item) => ['.<name>', item]);
  if (Type.IsArray(schema) && Type.IsObject(schema.items)) return [['[]', schema.items]];
  if (Type.IsUnion(schema)) return schema.anyOf.filter(isGroup).flatMap(innerOf);
  return [];
};

/** An optional group is needed only as a whole: its row says so, and its keys follow. */
const groupRow = (schema: TSchema, key: string): Row => ({
  key,
  values: Type.IsRecord(schema) ? 'names as keys' : 'keys below',
  fallback: Type.IsOptional(schema) ? 'absent' : '',
  meaning: descriptionOf(schema, key),
});

const rowsOf = (schema: TSchema, key: string): readonly Row[] =>
  innerOf(schema).flatMap(([name, inner]) => {
    const at = `${key}${name}`;
    const deeper = rowsOf(inner, at);
    if (deeper.length === 0) return [row(inner, at)];
    if (name === '[]' || name === '.<name>') return deeper;
    return [isGroup(inner) ? groupRow(inner, at) : row(inner, at), ...deeper];
  });

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const line = ({ key, values, fallback, meaning }: Row): string =>
  `| \`${key}\` | ${cell(values)} | ${cell(fallback)} | ${cell(meaning)} |`;

const table = (rows: readonly Row[]): string =>
  ['| key | value | default | meaning |', '| --- | --- | --- | --- |', ...rows.map(line), ''].join('\n');

const section = (key: string, schema: TSchema): string => {
  const heading = `## ${key}\n\n${descriptionOf(schema, key)}.\n`;
  const own = isGroup(schema) ? [] : [row(schema, key)];
  return `${heading}\n${table([...own, ...rowsOf(schema, key)])}`;
};

const environment = (): string =>
  [
    '## Environment',
    '',
    'These variables go over the file; an empty one counts as not set.',
    '',
    '| variable | key |',
    '| --- | --- |',
    ...overrides.map(({ variable, path }) => `| \`${variable}\` | \`${keyOf(path)}\` |`),
    '',
    'Beside them: `MILLRACE_CONFIG` names the file, and `MILLRACE_HEALTH_FILE` a file into which a process writes',
    '`{"url": ...}` of its /healthz, /readyz and /metrics while it runs.',
    '',
  ].join('\n');

/** Markdown. Throws for a key without a description. */
export const configPage = (): string => {
  const entries = Object.entries<TSchema>(Config.properties);
  const simple = entries.filter(([, schema]) => rowsOf(schema, '').length === 0);
  const groups = entries.filter(([, schema]) => rowsOf(schema, '').length > 0);
  return [
    intro,
    ...groups.map(([key, schema]) => section(key, schema)),
    `## Others\n\n${table(simple.map(([key, schema]) => row(schema, key)))}`,
    environment(),
  ].join('\n');
};
