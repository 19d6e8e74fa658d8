/** Checks a JSON value against a schema, compiled once, and says in words what is wrong with which field. */
import { nearestWord } from '@millrace/service';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';
import type { FieldError } from './problem.ts';

Settings.Set({ maxErrors: 64 });

/** What a check found. */
export type Checked<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'wrong'; readonly errors: readonly FieldError[] };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const pointerParts = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

/** `/to/3/address` as people write it: `to[3].address`. */
export const fieldName = (pointer: string): string =>
  pointerParts(pointer)
    .reduce(
      (path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`),
      '',
    )
    .replace(/^$/, 'body');

const at = (schema: unknown, schemaPath: string): unknown =>
  pointerParts(schemaPath.replace(/^#/, '')).reduce<unknown>(
    (inner, part) => (isRecord(inner) ? inner[part] : Array.isArray(inner) ? inner[Number(part)] : undefined),
    schema,
  );

const words: Readonly<Record<string, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
};
const wordOf = (type: unknown): string => words[String(type)] ?? String(type);

const unknownField = (path: string, extra: string, schema: unknown): FieldError => {
  const known = isRecord(schema) && isRecord(schema.properties) ? Object.keys(schema.properties) : [];
  const nearest = nearestWord(extra.slice(0, 64), known);
  const field = path === '' ? extra : `${path}.${extra}`;
  return {
    field: field.slice(0, 200),
    message: `is not known${nearest ? `; did you mean "${nearest}"?` : '; remove it'}`,
  };
};

const alternatives = (schema: unknown): string => {
  const options = isRecord(schema) && Array.isArray(schema.anyOf) ? schema.anyOf.filter(isRecord) : [];
  return options
    .map((option) => ('const' in option ? JSON.stringify(option.const) : wordOf(option.type)))
    .join(' or ');
};

const names = (params: unknown, key: string): string[] => {
  const list = isRecord(params) ? params[key] : undefined;
  return Array.isArray(list) ? list.map(String) : [];
};

/** What a text should be, where its schema says it in words. */
const expectedAt = (schema: unknown, schemaPath: string): string | undefined => {
  const found = at(schema, schemaPath);
  return isRecord(found) && typeof found.expected === 'string' ? found.expected : undefined;
};

const explainOne = (error: TLocalizedValidationError, schema: unknown): FieldError[] => {
  const path = error.instancePath === '' ? '' : fieldName(error.instancePath);
  const field = fieldName(error.instancePath);
  switch (error.keyword) {
    case 'additionalProperties':
      return names(error.params, 'additionalProperties').map((extra) =>
        unknownField(path, extra, at(schema, error.schemaPath)),
      );
    case 'required':
      return names(error.params, 'requiredProperties').map((missing) => ({
        field: path === '' ? missing : `${path}.${missing}`,
        message: 'is required',
      }));
    case 'anyOf':
      return [{ field, message: `must be ${alternatives(at(schema, error.schemaPath))}` }];
    case 'type':
      return [{ field, message: `must be ${wordOf(isRecord(error.params) ? error.params.type : '')}` }];
    case 'pattern': {
      const meant = expectedAt(schema, error.schemaPath);
      return [{ field, message: meant === undefined ? error.message : `must be ${meant}` }];
    }
    case 'boolean':
      return [];
    default:
      return [{ field, message: error.message }];
  }
};

const isWithin = (error: TLocalizedValidationError, union: TLocalizedValidationError): boolean =>
  error.schemaPath.startsWith(`${union.schemaPath}/anyOf/`) &&
  (error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`));

/** Errors inside a union's branches are said only for the branch that was meant: the one whose type matches. */
const explain = (errors: readonly TLocalizedValidationError[], schema: unknown): FieldError[] => {
  const unions = errors.filter((error) => error.keyword === 'anyOf');
  const relevant = errors.filter(
    (error) =>
      !(error.keyword === 'type' || error.keyword === 'const') ||
      !unions.some((union) => isWithin(error, union) && error.instancePath === union.instancePath),
  );
  const said = relevant.filter(
    (error) => error.keyword !== 'anyOf' || !relevant.some((inner) => isWithin(inner, error)),
  );
  const fields = said.flatMap((error) => explainOne(error, schema));
  const seen = new Set<string>();
  return fields.filter(({ field, message }) => {
    const key = `${field}\n${message}`;
    return !seen.has(key) && seen.add(key);
  });
};

/** Compiles a schema into a check. */
export const compileCheck = <T extends TSchema>(schema: T): ((value: unknown) => Checked<Static<T>>) => {
  const validator = Compile(schema);
  // The generated guard says `value is StaticEncode<T>`; our schemas have no codecs, so it is Static<T>.
  const holds = (value: unknown): value is Static<T> => validator.Check(value);
  return (value) =>
    holds(value)
      ? { kind: 'ok', value }
      : { kind: 'wrong', errors: explain(validator.Errors(value), schema) };
};
