/** The messages of the corpus: see README.md for where they come from. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One message as its authors left it. */
export interface CorpusMessage {
  /** Folder and file. */
  readonly name: string;
  readonly bytes: Buffer;
}

const folder = join(import.meta.dirname, 'fixtures');

/** All of them, by name. */
export const corpusMessages = (): readonly CorpusMessage[] =>
  globSync('*/*.{eml,raw,txt}', { cwd: folder })
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
