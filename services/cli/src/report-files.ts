/** Mails in what a command line names: files, mboxes, Maildirs, folders of them, standard input. */
import { createReadStream } from 'node:fs';
import { lstat, opendir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMbox, MboxSplitter } from '@millrace/feedback';
import type { CommandContext } from './context.ts';

/** A mail, or why there is none. */
export type ReadMail =
  | { readonly file: string; readonly raw: Buffer }
  | { readonly file: string; readonly problem: string };

/** A file of one mail is read up to here, bytes: a report says all in its first ones. */
const mostBytes = 4_194_304;

const problemOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read';
    default:
      return code;
  }
};

/** What belongs to a Maildir itself, and is no mail. */
const isBookkeeping = (name: string): boolean =>
  /^(?:dovecot[.-]|courier|maildirsize$|maildirfolder$|subscriptions$|\.(?!.*\/))/.test(name);

/** Files below a folder, in the order of their names; of a Maildir what is in `cur` and `new`. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  const entries: { readonly name: string; readonly isFolder: boolean }[] = [];
  for await (const entry of await opendir(folder)) {
    const isFolder = entry.isDirectory();
    if (isFolder || entry.isFile() || entry.isSymbolicLink()) entries.push({ name: entry.name, isFolder });
  }
  const isMaildir = ['cur', 'new'].every((name) =>
    entries.some((entry) => entry.isFolder && entry.name === name),
  );
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name, isFolder } of entries) {
    const path = join(folder, name);
    if (isFolder) {
      if (name === '.git' || (isMaildir && name === 'tmp')) continue;
      yield* filesBelow(path);
    } else if (!isMaildir && !isBookkeeping(name) && (await isRegular(path))) yield path;
  }
}

/** A link to a folder is not followed: it may lead back. */
const isRegular = async (path: string): Promise<boolean> => {
  const facts = await lstat(path);
  if (!facts.isSymbolicLink()) return facts.isFile();
  try {
    return (await stat(path)).isFile();
  } catch {
    // A link that leads nowhere: reading it says so.
    return true;
  }
};

async function* mailsOfMbox(pieces: AsyncIterable<Buffer>, file: string): AsyncGenerator<ReadMail> {
  const splitter = new MboxSplitter();
  let number = 0;
  const named = (raw: Buffer): ReadMail => {
    number++;
    return { file: `${file}#${number}`, raw };
  };
  for await (const piece of pieces) yield* splitter.push(piece).map(named);
  yield* splitter.end().map(named);
  if (number === 0) yield { file, problem: 'there is no mail in it' };
}

async function* mailsOfFile(path: string, file: string, mbox: boolean): AsyncGenerator<ReadMail> {
  try {
    if (mbox || (await beginsAsMbox(path))) yield* mailsOfMbox(createReadStream(path), file);
    else yield { file, raw: await headOf(path) };
  } catch (error) {
    yield { file, problem: `it cannot be read: ${problemOf(error)}` };
  }
}

const pieceOf = async (path: string, end: number): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path, { end })) if (Buffer.isBuffer(piece)) pieces.push(piece);
  return Buffer.concat(pieces);
};

const headOf = async (path: string): Promise<Buffer> =>
  (await stat(path)).size <= mostBytes ? readFile(path) : pieceOf(path, mostBytes - 1);

const beginsAsMbox = async (path: string): Promise<boolean> => {
  const { size } = await stat(path);
  return size > 0 && isMbox(await pieceOf(path, 511));
};

async function* chunksOf(stream: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

async function* mailsOfInput(stream: NodeJS.ReadableStream, mbox: boolean): AsyncGenerator<ReadMail> {
  const chunks = chunksOf(stream);
  const first = await chunks.next();
  const begin = first.done === true ? Buffer.alloc(0) : first.value;
  async function* all(): AsyncGenerator<Buffer> {
    yield begin;
    yield* chunks;
  }
  if (mbox || isMbox(begin)) {
    yield* mailsOfMbox(all(), '-');
    return;
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of all()) {
    if (bytes < mostBytes) pieces.push(piece);
    bytes += piece.length;
  }
  yield { file: '-', raw: Buffer.concat(pieces) };
}

/** Every mail of what is named, one at a time; what cannot be read comes as a problem. */
export async function* readMails(
  context: Pick<CommandContext, 'cwd' | 'stdin'>,
  names: readonly string[],
  mbox: boolean,
): AsyncGenerator<ReadMail> {
  for (const name of names) {
    if (name === '-') {
      yield* mailsOfInput(context.stdin, mbox);
      continue;
    }
    const path = resolve(context.cwd, name);
    try {
      if (!(await stat(path)).isDirectory()) {
        yield* mailsOfFile(path, name, mbox);
        continue;
      }
      for await (const file of filesBelow(path))
        yield* mailsOfFile(file, join(name, file.slice(path.length + 1)), mbox);
    } catch (error) {
      yield { file: name, problem: `it cannot be read: ${problemOf(error)}` };
    }
  }
}
