/** A mail taken apart, however broken it is: fields, what a person reads, and the other parts. */
import PostalMime from 'postal-mime';
import { type Fields, field, fieldsOf, headAndBody, parseFields } from './fields.ts';
import { headerEnd, withoutReturnedBody } from './without-returned-body.ts';

export interface Part {
  /** `message/delivery-status`, in lower case. */
  readonly type: string;
  readonly text: string;
}

export interface Mail {
  readonly fields: Fields;
  /** What a person reads: plain text, or that of the HTML; lines end with LF. */
  readonly text: string;
  /** Everything that is neither plain text nor HTML, in the order of the mail. */
  readonly parts: readonly Part[];
  readonly truncated: boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
/** Lines of a mail that are parsed: each costs 10 µs in the library, and what a report says stands before. */
const mostLines = 3_000;
/** Texts longer than this are cut before patterns are tried on them, characters. */
const longestText = 200_000;

/** Bytes from the first header line on, with LF somewhere in their line ends. */
const tidied = (raw: Buffer): Buffer => {
  let bytes = raw;
  if (bytes.indexOf(lineFeed) < 0 && bytes.indexOf(carriageReturn) >= 0)
    bytes = Buffer.from(bytes.toString('latin1').replaceAll('\r', '\n'), 'latin1');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
  let start = 0;
  while (bytes[start] === lineFeed || bytes[start] === carriageReturn || bytes[start] === 0x20) start++;
  const from = bytes.subarray(start, start + 6).toString('latin1');
  if (from.startsWith('From ') || from.startsWith('>From ')) {
    const end = bytes.indexOf(lineFeed, start);
    start = end < 0 ? bytes.length : end + 1;
  }
  return start === 0 ? bytes : bytes.subarray(start);
};

/** A header field of so many bytes says no more: the library takes addresses apart in quadratic time. */
const longestField = 4_000;
/** A header of so many bytes is cut. */
const longestHead = 65_536;

/** The bytes with their header fields cut to what is looked at. */
const withShortHead = (bytes: Buffer): Buffer => {
  const kept: Buffer[] = [];
  let fieldBytes = 0;
  let copied = 0;
  let headBytes = 0;
  for (let line = 0; line < bytes.length; ) {
    const feed = bytes.indexOf(lineFeed, line);
    const end = feed < 0 ? bytes.length : feed + 1;
    const first = bytes[line];
    if (first === lineFeed || (first === carriageReturn && end - line === 2)) break;
    fieldBytes = (first === 0x20 || first === 0x09 ? fieldBytes : 0) + (end - line);
    headBytes += end - line;
    if (fieldBytes > longestField || headBytes > longestHead) {
      const room = headBytes > longestHead ? 0 : Math.max(0, longestField - (fieldBytes - (end - line)));
      const cut = line + Math.min(room, end - line);
      kept.push(bytes.subarray(copied, cut));
      if (cut > line && cut < end) kept.push(Buffer.from('\n'));
      copied = end;
    }
    line = end;
  }
  return kept.length === 0 ? bytes : Buffer.concat([...kept, bytes.subarray(copied)]);
};

/** At most so many bytes and lines; ends at a line's end. */
const bounded = (bytes: Buffer, maxBytes: number): Buffer => {
  let end = Math.min(bytes.length, maxBytes);
  let lines = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0 && at < end; at = bytes.indexOf(lineFeed, at + 1)) {
    lines++;
    if (lines === mostLines) end = at + 1;
  }
  return end === bytes.length ? bytes : bytes.subarray(0, end);
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes of a part as text: UTF-8 where they are, else one character a byte. */
export const textOf = (bytes: Uint8Array): string => {
  try {
    return utf8.decode(bytes);
  } catch {
    // Not UTF-8: fields are ASCII, and no byte is lost.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
};

const headerLine = /^[!-9;-~]{1,76}[ \t]*:/;

/** True: the first lines are header fields. */
const looksLikeMail = (head: string): boolean => {
  const lines = head.split('\n', 40);
  const named = lines.filter((line) => headerLine.test(line)).length;
  return (
    named > 0 &&
    lines.some((line) =>
      /^(?:from|to|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to|x-[\w-]+|sender|reply-to)[ \t]*:/i.test(
        line,
      ),
    )
  );
};

const bytesOf = (content: ArrayBuffer | Uint8Array | string): Uint8Array =>
  typeof content === 'string'
    ? Buffer.from(content)
    : content instanceof Uint8Array
      ? content
      : new Uint8Array(content);

const lineEnds = (text: string): string => (text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text);

/** Text in a charset of a mail; one that nobody knows is read as {@link textOf} does. */
const decodedAs = (bytes: Buffer, charset: string | undefined): string => {
  if (charset === undefined || /^(?:us-)?ascii$|^utf-?8$/i.test(charset)) return textOf(bytes);
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return textOf(bytes);
  }
};

/** A mail of one text that nothing encodes: there is nothing for a MIME library to do. Undefined: it is none such. */
const simpleMail = (bytes: Buffer, truncated: boolean): Mail | undefined => {
  const [end, body] = headerEnd(bytes, 0);
  const fields = parseFields(textOf(bytes.subarray(0, Math.min(end, longestHead))));
  const type = field(fields, 'content-type') ?? 'text/plain';
  const encoding = field(fields, 'content-transfer-encoding') ?? '7bit';
  if (!/^\s*(?:7bit|8bit|binary)\s*$/i.test(encoding) || /format\s{0,4}=/i.test(type)) return undefined;
  const kind = /^\s*text\s*(?:\/\s*(plain|html)\s*)?(?:;|$)/i.exec(type);
  if (kind === null) return undefined;
  const charset = /\bcharset\s{0,4}=\s{0,4}"?([\w.:-]{1,40})/i.exec(type)?.[1];
  const text = lineEnds(decodedAs(bytes.subarray(body), charset));
  const read = kind[1]?.toLowerCase() === 'html' ? textOfHtml(text) : text;
  return { fields, text: read.slice(0, longestText), parts: [], truncated };
};

/** Opens a mail; undefined: the bytes are none. Never throws. */
export const openMail = async (raw: Buffer, maxBytes: number): Promise<Mail | undefined> => {
  const tidy = withShortHead(tidied(raw.subarray(0, maxBytes + 4_096)));
  const short = bounded(tidy, maxBytes);
  const bytes = withoutReturnedBody(short);
  const truncated = raw.length > maxBytes + 4_096 || short.length < tidy.length;

  const [head, body] = headAndBody(bytes.subarray(0, 65_536).toString('latin1'));
  if (!looksLikeMail(head)) return undefined;
  const simple = simpleMail(bytes, truncated);
  if (simple !== undefined) return simple;
  try {
    const opened = await PostalMime.parse(bytes, { forceRfc822Attachments: true, maxNestingDepth: 20 });
    const fields = fieldsOf(opened.headers.map(({ key, value }) => [key, value.slice(0, 16_384)]));
    const parts = opened.attachments.slice(0, 50).map(({ mimeType, content }) => ({
      type: mimeType.toLowerCase(),
      text: lineEnds(textOf(bytesOf(content))),
    }));
    const read = opened.text ?? (opened.html === undefined ? '' : textOfHtml(opened.html));
    const text = read.trim() === '' && parts.length === 0 ? textOf(Buffer.from(body, 'latin1')) : read;
    return { fields, text: lineEnds(text).slice(0, longestText), parts, truncated };
  } catch {
    // Limits of the library, or a fault of it: the bytes are read as if they were plain text.
    const plain = lineEnds(textOf(Buffer.from(body, 'latin1'))).slice(0, longestText);
    return { fields: parseFields(head), text: plain, parts: [], truncated };
  }
};

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: ' ',
  apos: "'",
  '#39': "'",
};

/** Elements whose content nobody reads. */
const unread = ['style', 'script', 'head'];

const withoutUnread = (html: string): string => {
  let text = html;
  for (const name of unread) {
    const lower = text.toLowerCase();
    const kept: string[] = [];
    let at = 0;
    for (;;) {
      const start = lower.indexOf(`<${name}`, at);
      const end = start < 0 ? -1 : lower.indexOf(`</${name}`, start);
      if (end < 0) break;
      // `<header>` is no `<head>`.
      const isIt = !/[a-z]/.test(lower[start + name.length + 1] ?? '');
      kept.push(text.slice(at, isIt ? start : end));
      at = end;
    }
    if (kept.length > 0) text = kept.join(' ') + text.slice(at);
  }
  return text;
};

/** The words of HTML, a line for each block: enough to look for addresses and answers in. */
const textOfHtml = (html: string): string =>
  withoutUnread(html.slice(0, longestText))
    .replace(/<(?:br|\/p|\/div|\/tr|\/li|\/h[1-6]|\/table|p|div|tr)\b[^<>]{0,1000}>/gi, '\n')
    .replace(/<\/?[a-z!][^<>]{0,2000}>/gi, ' ')
    .replace(/&(amp|lt|gt|quot|nbsp|apos|#39);/g, (_all, name: string) => entities[name] ?? ' ')
    .replace(/[ \t]+/g, ' ')
    .replace(/ ?\n ?/g, '\n');
