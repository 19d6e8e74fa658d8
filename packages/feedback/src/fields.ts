/** Header fields, as a message or a delivery status has them. RFC 5322 2.2, RFC 3464 2.1. */
import { decodeWords } from 'postal-mime';

/** Values by name in lower case, in the order of the block. Unfolded, not decoded. */
export type Fields = ReadonlyMap<string, readonly string[]>;

/** A block has so many fields at most: what comes after is not looked at. */
const mostFields = 2_000;
/** Longest value that is kept, characters. */
const longestValue = 16_384;

const fieldLine = /^([!-9;-~]{1,76})[ \t]*:[ \t]*(.*)$/;

/** Fields of a block in the order in which they are written. Lines that are no field are skipped. */
export const fieldList = (block: string): readonly (readonly [name: string, value: string])[] => {
  const list: [string, string][] = [];
  for (const line of block.split('\n')) {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    const last = list.at(-1);
    if (text.startsWith(' ') || text.startsWith('\t')) {
      if (last !== undefined && last[1].length < longestValue) last[1] += ` ${text.trim()}`;
      continue;
    }
    const [, name, value] = fieldLine.exec(text.slice(0, longestValue)) ?? [];
    if (name === undefined || value === undefined) continue;
    if (list.length >= mostFields) break;
    list.push([name.toLowerCase(), value.trim()]);
  }
  return list;
};

export const fieldsOf = (list: Iterable<readonly [name: string, value: string]>): Fields => {
  const fields = new Map<string, string[]>();
  for (const [name, value] of list) {
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
};

export const parseFields = (block: string): Fields => fieldsOf(fieldList(block));

/** The first value that is not empty; undefined: there is none. */
export const field = (fields: Fields, ...names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = fields.get(name)?.find((text) => text !== '');
    if (value !== undefined) return value;
  }
  return undefined;
};

/** As {@link field}, with encoded words decoded. RFC 2047. */
export const readable = (fields: Fields, ...names: readonly string[]): string | undefined => {
  const value = field(fields, ...names);
  return value === undefined ? undefined : decoded(value);
};

/** A text with its encoded words decoded. */
export const decoded = (text: string): string => (text.includes('=?') ? decodeWords(text) : text);

/** The text up to the first empty line, and what follows it. */
export const headAndBody = (text: string): readonly [head: string, body: string] => {
  const match = /\r?\n[ \t]*\r?\n/.exec(text);
  return match === null
    ? [text, '']
    : [text.slice(0, match.index), text.slice(match.index + match[0].length)];
};
