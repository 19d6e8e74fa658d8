/** Mails in one file, each under a line that begins with `From `. RFC 4155, and the mboxo and mboxrd that it left out. */

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const angle = 0x3e;

/** A mail of an mbox is kept up to so many bytes: reports say all in their first ones. */
const mostBytes = 8_388_608;

const isFrom = (bytes: Buffer, at: number): boolean =>
  bytes[at] === 0x46 &&
  bytes[at + 1] === 0x72 &&
  bytes[at + 2] === 0x6f &&
  bytes[at + 3] === 0x6d &&
  bytes[at + 4] === 0x20;

/** `From user@example.org Thu Apr 29 16:51:04 2007`: a line of prose has no time in it. */
const isSeparator = (bytes: Buffer, at: number, end: number): boolean =>
  isFrom(bytes, at) &&
  /\d:\d\d|\b(?:19|20)\d\d\b/.test(bytes.toString('latin1', at, Math.min(end, at + 300)));

/** True: the bytes begin as an mbox does. */
export const isMbox = (bytes: Buffer): boolean => {
  const feed = bytes.indexOf(lineFeed);
  return isSeparator(bytes, 0, feed < 0 ? bytes.length : feed);
};

/** True: a line that mboxrd or mboxo has quoted, `>From ` or `>>From `. */
const isQuoted = (bytes: Buffer, at: number): boolean => {
  let depth = 0;
  while (bytes[at + depth] === angle) depth++;
  return depth > 0 && isFrom(bytes, at + depth);
};

/** Takes one `>` off each quoted line. */
const unquoted = (mail: Buffer): Buffer => {
  const kept: Buffer[] = [];
  let copied = 0;
  for (let line = 0; line < mail.length; ) {
    if (mail[line] === angle && isQuoted(mail, line)) {
      kept.push(mail.subarray(copied, line));
      copied = line + 1;
    }
    const end = mail.indexOf(lineFeed, line);
    if (end < 0) break;
    line = end + 1;
  }
  if (kept.length === 0) return mail;
  kept.push(mail.subarray(copied));
  return Buffer.concat(kept);
};

const isEmptyLine = (bytes: Buffer, start: number, end: number): boolean =>
  end === start || (end === start + 1 && bytes[start] === carriageReturn);

/**
 * Splits an mbox that comes in pieces, in bounded memory. A `From ` line counts only after an empty one and with a time
 * in it, so that one which mboxo should have quoted splits nothing. What does not begin as an mbox is one mail.
 */
export class MboxSplitter {
  #pending: Buffer = Buffer.alloc(0);
  /** Where the first line that was not looked at begins. */
  #line = 0;
  /** Where the mail begins; -1: its `From ` line has not come. */
  #mail = -1;
  /** Start of the empty line before {@link #line}; -1: that line is not empty. */
  #empty = -1;

  /** The mails that end in these bytes, without their `From ` lines and the empty line after each. */
  push(piece: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    return this.#read(false);
  }

  /** The last mail. */
  end(): Buffer[] {
    const mails = this.#read(true);
    const rest = this.#mailTo(this.#pending.length);
    if (rest.length > 0) mails.push(rest);
    this.#pending = Buffer.alloc(0);
    return mails;
  }

  #read(isLast: boolean): Buffer[] {
    const mails: Buffer[] = [];
    for (;;) {
      const bytes = this.#pending;
      const feed = bytes.indexOf(lineFeed, this.#line);
      if (feed < 0 && !(isLast && this.#line < bytes.length)) break;
      const end = feed < 0 ? bytes.length : feed;
      const isFirst = this.#mail < 0;
      if ((isFirst || this.#empty >= 0) && isSeparator(bytes, this.#line, end)) {
        if (!isFirst) mails.push(this.#mailTo(this.#empty));
        this.#mail = Math.min(end + 1, bytes.length);
        this.#empty = -1;
      } else {
        if (isFirst) this.#mail = 0;
        this.#empty = isEmptyLine(bytes, this.#line, end) ? this.#line : -1;
      }
      this.#line = Math.min(end + 1, bytes.length);
    }
    this.#forget();
    return mails;
  }

  #mailTo(end: number): Buffer {
    const start = Math.max(0, this.#mail);
    return unquoted(this.#pending.subarray(start, Math.min(Math.max(start, end), start + mostBytes)));
  }

  /** Lets go of the bytes of mails that were given out, and of the middle of one that grows too long. */
  #forget(): void {
    const start = Math.max(0, this.#mail);
    if (start > 0) this.#drop(0, start);
    const last = this.#empty >= 0 ? this.#empty : this.#line;
    if (last > 2 * mostBytes) {
      this.#drop(mostBytes, last);
    }
  }

  #drop(from: number, to: number): void {
    this.#pending = Buffer.concat([this.#pending.subarray(0, from), this.#pending.subarray(to)]);
    const moved = (at: number): number => (at < 0 ? at : at >= to ? at - (to - from) : Math.min(at, from));
    this.#line = moved(this.#line);
    this.#mail = moved(this.#mail);
    this.#empty = moved(this.#empty);
  }
}

/** The mails of an mbox that is in memory as a whole. */
export function* splitMbox(bytes: Buffer): Generator<Buffer> {
  const splitter = new MboxSplitter();
  const piece = 1_048_576;
  for (let at = 0; at < bytes.length; at += piece) yield* splitter.push(bytes.subarray(at, at + piece));
  yield* splitter.end();
}
