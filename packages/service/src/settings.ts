/** Checks plain values against a schema of settings and fills in the defaults: the edge where they become a type. */
import { resolve } from 'node:path';
import {
  type Static,
  type TArray,
  type TObject,
  type TRecord,
  type TSchema,
  type TUnion,
  Type,
} from 'typebox';
import Value from 'typebox/value';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { didYouMean } from './nearest-word.ts';
import { expectedOf, shown } from './setting-words.ts';
import { type KeyPath, keyOf, parseYaml } from './yaml-file.ts';

/** Something wrong with one value. */
export interface SettingProblem {
  readonly path: KeyPath;
  readonly message: string;
}

interface Walk {
  readonly baseDirectory: string;
  readonly problems: SettingProblem[];
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value with its defaults; what is wrong goes into `problems`. */
export const checkSettings = (
  schema: TSchema,
  value: unknown,
  baseDirectory: string,
): { readonly value: unknown; readonly problems: readonly SettingProblem[] } => {
  const problems: SettingProblem[] = [];
  return { value: settle(schema, value, [], { baseDirectory, problems }), problems };
};

const settle = (schema: TSchema, given: unknown, path: KeyPath, walk: Walk): unknown => {
  if (given === undefined || given === null) return absent(schema, path, walk);
  if (Type.IsObject(schema)) return settleObject(schema, given, path, walk);
  if (Type.IsRecord(schema)) return settleRecord(schema, given, path, walk);
  if (Type.IsArray(schema)) return settleArray(schema, given, path, walk);
  if (Type.IsUnion(schema)) return settleUnion(schema, given, path, walk);
  if (!Value.Check(schema, given)) {
    const known = 'enum' in schema && Array.isArray(schema.enum) ? schema.enum.map(String) : [];
    const hint = typeof given === 'string' ? didYouMean(given, known) : '';
    return wrong(walk, path, `must be ${expectedOf(schema)}, not ${shown(schema, given)}.${hint}`);
  }
  return 'path' in schema ? resolve(walk.baseDirectory, String(given)) : given;
};

const wrong = (walk: Walk, path: KeyPath, message: string): undefined => {
  walk.problems.push({ path, message });
  return undefined;
};

/** Defaults that are file names stay as they are: they are meant from the working directory. */
const absent = (schema: TSchema, path: KeyPath, walk: Walk): unknown => {
  if ('default' in schema) {
    const fallback: unknown = structuredClone(schema.default);
    return settle(schema, fallback, path, { ...walk, baseDirectory: process.cwd() });
  }
  if (Type.IsObject(schema)) return settleObject(schema, {}, path, walk);
  return wrong(walk, path, `is missing: ${describe(schema)}.`);
};

const describe = (schema: TSchema): string =>
  'description' in schema && schema.description !== '' ? String(schema.description) : expectedOf(schema);

const settleObject = (schema: TObject, given: unknown, path: KeyPath, walk: Walk): unknown => {
  if (!isPlain(given)) {
    const keys = Object.keys(schema.properties).join(', ');
    return wrong(walk, path, `must hold keys of its own (${keys}), not ${shown(schema, given)}.`);
  }
  const known = Object.keys(schema.properties);
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(schema.properties, key)) continue;
    const list = known.length <= 12 ? ` Known here: ${known.join(', ')}.` : '';
    wrong(walk, [...path, key], `there is no such key.${didYouMean(key, known) || list}`);
  }
  const settled: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(schema.properties)) {
    const value = given[key] ?? undefined;
    if (value === undefined && Type.IsOptional(property)) continue;
    settled[key] = settle(property, value, [...path, key], walk);
  }
  return settled;
};

const settleRecord = (schema: TRecord, given: unknown, path: KeyPath, walk: Walk): unknown => {
  if (!isPlain(given)) return wrong(walk, path, `must hold names as keys, not ${shown(schema, given)}.`);
  const [[pattern, item] = ['', Type.Unknown()]] = Object.entries(schema.patternProperties);
  const name = new RegExp(pattern, 'u');
  const settled: Record<string, unknown> = Object.create(null);
  for (const [key, value] of Object.entries(given)) {
    const at = [...path, key];
    if (!name.test(key) || key === '__proto__') {
      wrong(walk, at, 'is no name: up to 64 lower case letters, digits, dots, dashes, underscores.');
    } else settled[key] = settle(item, value ?? {}, at, walk);
  }
  return { ...settled };
};

const settleArray = (schema: TArray, given: unknown, path: KeyPath, walk: Walk): unknown => {
  if (!Array.isArray(given)) return wrong(walk, path, `must be a list, not ${shown(schema, given)}.`);
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema as {
    minItems?: number;
    maxItems?: number;
  };
  if (given.length < minItems) return wrong(walk, path, `must have ${minItems} or more entries.`);
  if (given.length > maxItems) return wrong(walk, path, `must have at most ${maxItems} entries.`);
  return given.map((item: unknown, index) => settle(schema.items, item, [...path, index], walk));
};

/** Members that are objects are told apart by `kind`; beside them only plain values. */
const settleUnion = (schema: TUnion, given: unknown, path: KeyPath, walk: Walk): unknown => {
  if (!isPlain(given)) {
    const plain = schema.anyOf.find((member) => !Type.IsObject(member) && Value.Check(member, given));
    if (plain !== undefined) return settle(plain, given, path, walk);
    return wrong(walk, path, `must be ${expectedOf(schema)}, not ${shown(schema, given)}.`);
  }
  const objects = schema.anyOf.filter((member): member is TObject => Type.IsObject(member));
  const kinds = objects.flatMap(({ properties: { kind } }) => (kind && 'const' in kind ? [kind.const] : []));
  const [only] = objects;
  if (objects.length === 1 && only !== undefined) return settleObject(only, given, path, walk);
  const member = objects.find(
    ({ properties: { kind } }) => kind && 'const' in kind && kind.const === given.kind,
  );
  if (member !== undefined) return settleObject(member, given, path, walk);
  const list = kinds.map((kind) => `"${kind}"`).join(' or ');
  const what = given.kind === undefined ? 'is missing: it is' : 'must be';
  return wrong(walk, [...path, 'kind'], `${what} ${list}.`);
};

/**
 * Settings out of a YAML text: checked, defaults filled in, relative file names taken from `baseDirectory`. Throws
 * ConfigError with the file, line and key of everything that is wrong. Keys of the schema may carry `path: true` (a file
 * name), `secret: true` (never shown), `expected: "words"`.
 */
export const parseSettings = <S extends TSchema>(
  schema: S,
  source: { readonly text: string; readonly file: string; readonly baseDirectory: string },
): Static<S> => {
  const yaml = parseYaml(source.text, source.file);
  const { value, problems } = checkSettings(schema, yaml.value ?? {}, source.baseDirectory);
  const placed = problems.map(
    ({ path, message }): ConfigProblem => ({
      file: source.file,
      line: yaml.lineOf(path),
      variable: undefined,
      key: keyOf(path),
      message,
    }),
  );
  const [first, ...rest] = placed;
  if (first !== undefined) throw new ConfigError([first, ...rest]);
  return value as Static<S>;
};
