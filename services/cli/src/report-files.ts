/** Mails in what a command line names: files, mboxes, Maildirs, folders of them, standard input. */
import { createReadStream, readFileSync } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
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

/** What belongs to a Maildir itself, and is no mail; a mail may be called `courier-01.eml` or `dovecot.eml`. */
const isBookkeeping = (name: string): boolean =>
  /^(?:dovecot(?:-(?:uid|keywords|acl|shared|quota)|\.(?:index|list|mailbox|lda|svbin|sieve))|courier(?:imap|pop3)|maildirsize$|maildirfolder$|subscriptions$|\.(?!.*\/))/.test(
    name,
  );

/** Files below a folder, in the order of their names; of a Maildir what is in `cur` and `new`. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  const entries: { readonly name: string; readonly isFolder: boolean; readonly isLink: boolean }[] = [];
  for await (const entry of await opendir(folder)) {
    const isFolder = entry.isDirectory();
    if (isFolder || entry.isFile() || entry.isSymbolicLink())
      entries.push({ name: entry.name, isFolder, isLink: entry.isSymbolicLink() });
  }
  const isMaildir = ['cur', 'new'].every((name) =>
    entries.some((entry) => entry.isFolder && entry.name === name),
  );
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name, isFolder, isLink } of entries) {
    const path = join(folder, name);
    if (isFolder) {
      if (name === '.git' || (isMaildir && name === 'tmp')) continue;
      yield* filesBelow(path);
    } else if (!isMaildir && !isBookkeeping(name) && (!isLink || (await leadsToFile(path)))) yield path;
  }
}

/** A link to a folder is not followed: it may lead back. */
const leadsToFile = async (link: string): Promise<boolean> => {
  try {
    return (await stat(link)).isFile();
  } catch {
    // A link that leads nowhere: reading it says so.
    return true;
  }
};

/** Mails of an mbox by their numbers; one alone has the name of the file, unless `numbered`. */
async function* mailsOfMbox(
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
  file: string,
  numbered: boolean,
): AsyncGenerator<ReadMail> {
  const splitter = new MboxSplitter();
  let number = 0;
  let first: Buffer | undefined;
  const named = (raw: Buffer): ReadMail => ({ file: `${file}#${++number}`, raw });
  function* counted(mails: readonly Buffer[]): Generator<ReadMail> {
    for (const raw of mails) {
      if (number === 0 && first === undefined && !numbered) {
        first = raw;
        continue;
      }
      if (number === 0 && first !== undefined) yield named(first);
      yield named(raw);
    }
  }
  for await (const piece of pieces) yield* counted(splitter.push(piece));
  yield* counted(splitter.end());
  if (number > 0) return;
  yield first === undefined ? { file, problem: 'there is no mail in it' } : { file, raw: first };
}

/** Files of these names hold one mail, whatever line they begin with. */
const holdsOneMail = /\.(?:eml|msg|txt)$/i;

async function* mailsOfFile(path: string, file: string, mbox: boolean): AsyncGenerator<ReadMail> {
  try {
    const mayBeMbox = mbox || !holdsOneMail.test(path);
    if ((await stat(path)).size <= mostBytes) {
      const raw = readFileSync(path);
      if (mbox || (mayBeMbox && isMbox(raw))) yield* mailsOfMbox([raw], file, mbox);
      else yield { file, raw };
    } else if (mbox || (mayBeMbox && isMbox(await pieceOf(path, 511))))
      yield* mailsOfMbox(createReadStream(path), file, mbox);
    else yield { file, raw: await pieceOf(path, mostBytes - 1) };
  } catch (error) {
    yield { file, problem: `it cannot be read: ${problemOf(error)}` };
  }
}

const pieceOf = async (path: string, end: number): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path, { end })) if (Buffer.isBuffer(piece)) pieces.push(piece);
  return Buffer.concat(pieces);
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
    yield* mailsOfMbox(all(), '-', mbox);
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
