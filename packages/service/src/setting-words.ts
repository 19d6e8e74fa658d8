/** Schemas and values of settings in words. */
import { type TSchema, Type } from 'typebox';

const article = (values: readonly unknown[]): string => {
  const quoted = values.map((value) => `"${value}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
};

/** Reads an annotation of a schema. */
export const annotation = (schema: TSchema, name: string): unknown =>
  Object.hasOwn(schema, name) ? Reflect.get(schema, name) : undefined;

const rangeOf = (schema: TSchema): string => {
  const minimum = annotation(schema, 'minimum');
  const maximum = annotation(schema, 'maximum');
  const above = annotation(schema, 'exclusiveMinimum');
  if (above !== undefined) return ` above ${above}`;
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER) {
    return minimum === undefined ? '' : `, ${minimum} or more`;
  }
  return ` from ${minimum} to ${maximum}`;
};

/** What a value must be: `a whole number from 1 to 65535`. */
export const expectedOf = (schema: TSchema): string => {
  const expected = annotation(schema, 'expected');
  if (typeof expected === 'string') return expected;
  const values = annotation(schema, 'enum');
  if (Array.isArray(values)) return article(values);
  if (Type.IsLiteral(schema)) return `"${schema.const}"`;
  if (Type.IsBoolean(schema)) return 'true or false';
  if (Type.IsInteger(schema)) return `a whole number${rangeOf(schema)}`;
  if (Type.IsNumber(schema)) return `a number${rangeOf(schema)}`;
  if (Type.IsUnion(schema)) return schema.anyOf.map(expectedOf).join(', or ');
  if (Type.IsObject(schema)) return `keys (${Object.keys(schema.properties).join(', ')})`;
  if (Type.IsArray(schema)) return `a list of ${expectedOf(schema.items)}`;
  if (Type.IsRecord(schema)) return 'names as keys';
  return textOf(schema);
};

const formats: Readonly<Record<string, string>> = { ipv4: 'an IPv4 address', ipv6: 'an IPv6 address' };

const textOf = (schema: TSchema): string => {
  const format = annotation(schema, 'format');
  if (typeof format === 'string') return formats[format] ?? format;
  if (annotation(schema, 'path') === true) return 'a file name';
  const pattern = annotation(schema, 'pattern');
  if (pattern === '^https?://') return 'an http or https URL';
  if (pattern === '^rediss?://') return 'a redis:// or rediss:// URL';
  const minLength = annotation(schema, 'minLength');
  if (typeof minLength === 'number' && minLength > 1) return `text of ${minLength} characters or more`;
  return pattern === undefined ? 'text' : `text that matches ${pattern}`;
};

const longestShown = 60;

/** A value as it may be shown: secrets are not, nor what is inside a URL before its @. */
export const shown = (schema: TSchema, value: unknown): string => {
  if (annotation(schema, 'secret') === true) return 'what is there (not shown)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'keys of its own';
  const text = String(value).replace(/\/\/[^/@\s]*@/, '//***@');
  const short = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return typeof value === 'string' ? `"${short}"` : short;
};
