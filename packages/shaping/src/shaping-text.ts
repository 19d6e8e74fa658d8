/** A shaping file that is read, with the line that everything in it came from. */
import { readFile } from 'node:fs/promises';
import type { Shaping } from '@millrace/core';
import { ConfigError, type KeyPath, parseYaml } from '@millrace/service';
import { parseAutomation } from './parse-automation.ts';
import { parseShaping, shippedShapingFile } from './parse-shaping.ts';

export interface ShapingText {
  /** For messages: a file name, or where else the text came from. */
  readonly file: string;
  readonly text: string;
  readonly shaping: Shaping;
  /** Line of a key, or of the nearest one around it that is there; from 1. */
  lineOf(path: KeyPath): number | undefined;
}

/** Throws ConfigError (code ERR_CONFIG) with file, line, key and the nearest right word of everything that is wrong. */
export const shapingOfText = (text: string, file: string): ShapingText => {
  const shaping = parseShaping(text, file);
  parseAutomation(text, file);
  const { lineOf } = parseYaml(text, file);
  return { file, text, shaping, lineOf };
};

/** As `shapingOfText`. Default: the file that comes with Millrace. */
export const readShapingFile = async (file: string = shippedShapingFile): Promise<ShapingText> =>
  shapingOfText(await textOf(file), file);

const textOf = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the shaping file cannot be read: ${reason}.`;
    throw new ConfigError([{ file, line: undefined, variable: undefined, key: '', message }], { cause });
  }
};
