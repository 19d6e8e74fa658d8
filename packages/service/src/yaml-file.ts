/** A YAML text as plain values, and on which line each of them stands. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError } from './config-error.ts';

export type KeyPath = readonly (string | number)[];

export interface YamlFile {
  readonly name: string;
  /** Null for an empty file. */
  readonly value: unknown;
  /** Line of the key, or of the nearest one around it that is there; from 1. */
  lineOf(path: KeyPath): number | undefined;
}

/** `pools.batch.sources[0]`. */
export const keyOf = (path: KeyPath): string =>
  path.reduce<string>(
    (key, part) => (typeof part === 'number' ? `${key}[${part}]` : key === '' ? part : `${key}.${part}`),
    '',
  );

/** Reads YAML 1.2. Throws ConfigError where it is none. `name` is the file's name, for messages. */
export const parseYaml = (text: string, name: string): YamlFile => {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fail = (message: string, line: number | undefined, cause: unknown): never => {
    throw new ConfigError([{ file: name, line, variable: undefined, key: '', message }], { cause });
  };
  const [error] = document.errors;
  if (error !== undefined) {
    fail(`this is no YAML: ${error.message.split('\n')[0]}`, lines.linePos(error.pos[0]).line, undefined);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    fail(`this YAML cannot be read: ${cause instanceof Error ? cause.message : cause}`, undefined, cause);
  }
  return {
    name,
    value,
    lineOf: (path) => {
      let offset: number | undefined;
      let node: unknown = document.contents;
      for (const part of path) {
        if (isAlias(node)) node = node.resolve(document);
        if (isMap(node)) {
          const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === part);
          if (pair === undefined) break;
          offset = startOf(pair.key) ?? startOf(pair.value) ?? offset;
          node = pair.value;
        } else if (isSeq(node) && typeof part === 'number') {
          node = node.items[part];
          offset = startOf(node) ?? offset;
        } else break;
      }
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
};

const startOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node
    ? (node as Pick<Node, 'range'>).range?.[0]
    : undefined;
