/**
 * Checks encoded bytes against their schema before they are decoded: every length lies within the buffer, and the
 * value ends where the buffer ends. avsc itself believes an array's item count: five bytes of poison would make it
 * allocate for billions of items.
 */

/** Returns the position after the value; throws RangeError where the bytes end before the value does. */
export type BoundsCheck = (bytes: Buffer, position: number) => number;

/** Nesting that a schema and its values may have. */
const maxDepth = 64;

const end = (bytes: Buffer, position: number): number => {
  if (position > bytes.length) throw new RangeError('the bytes end before the value does');
  return position;
};

/** Zigzag varint as a number; `next` is the position after it. Module-wide so that no pair is allocated per number. */
let next = 0;
function readLong(bytes: Buffer, start: number): number {
  let position = start;
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = bytes[position];
    if (byte === undefined) throw new RangeError('the bytes end before the value does');
    position += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 128;
    if (position - start > 9) throw new RangeError('a number is longer than 64 bits');
  }
  next = position;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

const skipLong: BoundsCheck = (bytes, position) => {
  readLong(bytes, position);
  return next;
};

const skipLengthed: BoundsCheck = (bytes, position) => {
  const length = readLong(bytes, position);
  if (length < 0) throw new RangeError('a length is negative');
  return end(bytes, next + length);
};

const skipBytes =
  (count: number): BoundsCheck =>
  (bytes, position) =>
    end(bytes, position + count);

const primitives: Readonly<Record<string, BoundsCheck>> = {
  null: (_bytes, position) => position,
  boolean: skipBytes(1),
  int: skipLong,
  long: skipLong,
  float: skipBytes(4),
  double: skipBytes(8),
  string: skipLengthed,
  bytes: skipLengthed,
};

/** Items in blocks, each block with its count; a negative count is followed by the block's size (Avro 1.12, arrays). */
const blocks =
  (item: BoundsCheck): BoundsCheck =>
  (bytes, start) => {
    let position = start;
    for (;;) {
      let count = readLong(bytes, position);
      position = next;
      if (count === 0) return position;
      if (count < 0) {
        count = -count;
        position = skipLong(bytes, position);
      }
      // An item of no bytes (null) is the only one that a count above the rest of the buffer could be true for.
      if (count > bytes.length - position)
        throw new RangeError('an item count is above the bytes that are left');
      for (let index = 0; index < count; index += 1) position = item(bytes, position);
    }
  };

type Json = { readonly [key: string]: unknown };
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function compile(
  schema: unknown,
  named: Map<string, BoundsCheck>,
  namespace: string,
  depth: number,
): BoundsCheck {
  if (depth > maxDepth) throw new RangeError('the schema is nested too deeply');
  const inner = (part: unknown, space = namespace): BoundsCheck => compile(part, named, space, depth + 1);
  if (typeof schema === 'string') {
    const check = primitives[schema] ?? named.get(schema) ?? named.get(`${namespace}.${schema}`);
    if (check === undefined) throw new RangeError(`the schema names an unknown type ${schema}`);
    return check;
  }
  if (Array.isArray(schema)) {
    const branches = schema.map((branch) => inner(branch));
    return (bytes, position) => {
      const branch = branches[readLong(bytes, position)];
      if (branch === undefined) throw new RangeError('a union has no such branch');
      return branch(bytes, next);
    };
  }
  if (!isObject(schema)) throw new RangeError('the schema is not one');
  const space = typeof schema.namespace === 'string' ? schema.namespace : namespace;
  const remember = (check: BoundsCheck): BoundsCheck => {
    if (typeof schema.name === 'string') {
      named.set(schema.name, check);
      named.set(`${space}.${schema.name}`, check);
    }
    return check;
  };
  switch (schema.type) {
    case 'record': {
      const fields: BoundsCheck[] = [];
      const check = remember((bytes, start) => {
        let position = start;
        for (const field of fields) position = field(bytes, position);
        return position;
      });
      if (!Array.isArray(schema.fields)) throw new RangeError('a record has no fields');
      for (const field of schema.fields) fields.push(inner(isObject(field) ? field.type : undefined, space));
      return check;
    }
    case 'array':
      return blocks(inner(schema.items));
    case 'map': {
      const value = inner(schema.values);
      return blocks((bytes, position) => value(bytes, skipLengthed(bytes, position)));
    }
    case 'enum':
      return remember(skipLong);
    case 'fixed':
      return remember(skipBytes(typeof schema.size === 'number' ? schema.size : 0));
    default:
      return inner(schema.type);
  }
}

/** Reads one field of an encoded record, passing over those before it; throws RangeError where the bytes end before. */
export type TextField = (bytes: Buffer, position: number) => string;

/** Compiles it for a field of text of one writer's schema (parsed JSON); undefined: it has none of that name. */
export function textFieldOf(schema: unknown, name: string): TextField | undefined {
  if (!isObject(schema) || !Array.isArray(schema.fields)) return undefined;
  const at = schema.fields.findIndex((field) => isObject(field) && field.name === name);
  if (at === -1 || schema.fields[at].type !== 'string') return undefined;
  const skipToField = compile({ ...schema, fields: schema.fields.slice(0, at) }, new Map(), '', 0);
  return (bytes, start) => {
    const length = readLong(bytes, skipToField(bytes, start));
    return bytes.toString('utf8', next, end(bytes, next + Math.max(0, length)));
  };
}

/** Compiles the check of one writer's schema (parsed JSON). Throws RangeError for what is no schema. */
export const boundsCheckOf = (schema: unknown): BoundsCheck => compile(schema, new Map(), '', 0);
