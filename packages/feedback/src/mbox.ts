/** Mails in one file, each under a line that begins with `From `. RFC 4155, and the mboxo and mboxrd that it left out. */

/** `From ` at a line's start, after an empty line or at the very start. */
const separator = Buffer.from('From ', 'latin1');
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const angle = 0x3e;

const isEmptyLine = (bytes: Buffer, start: number, end: number): boolean =>
  end === start || (end === start + 1 && bytes[start] === carriageReturn);

const startsWith = (bytes: Buffer, at: number): boolean =>
  bytes.subarray(at, at + separator.length).equals(separator);

/** True: the bytes begin as an mbox does. */
export const isMbox = (bytes: Buffer): boolean => startsWith(bytes, 0);

/** Number of `>` before `From ` at a line's start; 0: it is no quoted line. */
const quotesAt = (bytes: Buffer, at: number): number => {
  let depth = 0;
  while (bytes[at + depth] === angle) depth++;
  return depth > 0 && startsWith(bytes, at + depth) ? depth : 0;
};

/** Takes one `>` off each line that mboxrd or mboxo has quoted. */
const unquoted = (mail: Buffer): Buffer => {
  const kept: Buffer[] = [];
  let copied = 0;
  for (let line = 0; line < mail.length; ) {
    if (mail[line] === angle && quotesAt(mail, line) > 0) {
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

/**
 * The mails of an mbox, without their `From ` lines and the empty line after each. A `From ` counts only after an empty
 * line, so that one which mboxo should have quoted inside a paragraph splits nothing. Bytes that do not begin with
 * `From ` are one mail.
 */
export function* splitMbox(bytes: Buffer): Generator<Buffer> {
  if (!isMbox(bytes)) {
    if (bytes.length > 0) yield bytes;
    return;
  }
  let mail = afterLine(bytes, 0);
  let emptyBefore = -1;
  for (let line = mail; line < bytes.length; ) {
    const feed = bytes.indexOf(lineFeed, line);
    const end = feed < 0 ? bytes.length : feed;
    if (emptyBefore >= 0 && startsWith(bytes, line)) {
      yield unquoted(bytes.subarray(mail, emptyBefore));
      mail = end + 1;
      emptyBefore = -1;
    } else {
      emptyBefore = isEmptyLine(bytes, line, end) ? line : -1;
    }
    line = end + 1;
  }
  if (mail < bytes.length) yield unquoted(bytes.subarray(mail));
}

const afterLine = (bytes: Buffer, at: number): number => {
  const feed = bytes.indexOf(lineFeed, at);
  return feed < 0 ? bytes.length : feed + 1;
};
