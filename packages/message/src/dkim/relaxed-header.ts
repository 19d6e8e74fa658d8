/** Header fields in the relaxed canonical form (RFC 6376 3.4.2), and which of them are signed (5.4). */

/**
 * The fields that a signature covers when they are there: what a reader sees, what a mail program acts on. Not those
 * that a relay may add or change (Received, Return-Path, trace fields).
 */
const signed = [
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'subject',
  'date',
  'message-id',
  'in-reply-to',
  'references',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'content-id',
  'content-description',
  'feedback-id',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'list-id',
  'list-help',
  'list-subscribe',
  'list-post',
  'list-owner',
  'list-archive',
  'auto-submitted',
  'precedence',
  'importance',
] as const;

/**
 * Listed once more than they occur, so that a second one put in front breaks the signature (RFC 6376 8.15). Only those that
 * are there: signing the absence of Cc or Reply-To would break mail that a list forwards with its own.
 */
const oversigned: ReadonlySet<string> = new Set([
  'from',
  'to',
  'subject',
  'date',
  'message-id',
  'content-type',
  'reply-to',
]);

/** Where a name stands in `signed`. */
const places: ReadonlyMap<string, number> = new Map(signed.map((name, place) => [name, place]));

/** What is signed of a header. */
export interface SignedHeader {
  /** Names for `h=`, in the order in which they are hashed; the same list for the next header with the same fields. */
  readonly names: readonly string[];
  /** Canonical fields, each with its CRLF; bytes as Latin-1 characters. */
  readonly text: string;
}

/** White space that is not one space. */
const wideBlank = /\t| {2}/;

/**
 * One field, `name:value` without folding and needless white space. Latin-1 characters: not every blank that JavaScript
 * would trim is white space here, 0xA0 is half of a letter in UTF-8.
 */
export const relaxedField = (name: string, value: string): string => {
  const unfolded = value.includes('\r\n') ? value.replaceAll('\r\n', '') : value;
  const text = wideBlank.test(unfolded) ? unfolded.replaceAll(/[ \t]+/g, ' ') : unfolded;
  return `${name}:${text.slice(text.startsWith(' ') ? 1 : 0, text.length > 1 && text.endsWith(' ') ? -1 : undefined)}`;
};

/** Where the header's last field ends, with its CRLF: before the empty line, or the whole message. */
export const headerEnd = (message: Buffer): number => {
  if (message[0] === 0x0d && message[1] === 0x0a) return 0;
  const blank = message.indexOf('\r\n\r\n');
  return blank === -1 ? message.length : blank + 2;
};

const space = 0x20;
const tab = 0x09;
const colon = 0x3a;
const del = 0x7f;

/** The name of the field that begins here, printable ASCII before a colon, and where its value does. */
const fieldAt = (text: string, at: number): { readonly name: string; readonly value: number } | undefined => {
  let end = at;
  for (let code = text.charCodeAt(end); code > space && code < del && code !== colon; ) {
    end += 1;
    code = text.charCodeAt(end);
  }
  let next = end;
  while (text.charCodeAt(next) === space || text.charCodeAt(next) === tab) next += 1;
  if (end === at || text.charCodeAt(next) !== colon) return undefined;
  return { name: text.slice(at, end).toLowerCase(), value: next + 1 };
};

/** Canonical fields of the header in hand by place; several of one name from the last to the first (RFC 6376 5.4.2). */
const found: string[] = signed.map(() => '');
/** How many there are of each. */
const counts: number[] = signed.map(() => 0);

/** Of the last header: most headers have the same fields as the one before. */
let lastCounts: readonly number[] = [];
let lastNames: readonly string[] = [];

const namesFound = (): readonly string[] => {
  if (counts.every((count, place) => count === lastCounts[place])) return lastNames;
  lastCounts = [...counts];
  lastNames = signed.flatMap((name, place) => {
    const count = counts[place] ?? 0;
    // From is never absent without a word: a signature must cover it (RFC 6376 5.4).
    const more = (count > 0 ? oversigned.has(name) : name === 'from') ? 1 : 0;
    return Array.from({ length: count + more }, () => name);
  });
  return lastNames;
};

/**
 * Picks and canonicalises what is signed of the header `text` (Latin-1 characters, lines ended by CRLF). A line that is
 * neither a field nor a fold belongs to the field before it, as verifiers take it.
 */
export const signedHeader = (text: string): SignedHeader => {
  found.fill('');
  counts.fill(0);
  let start = 0;
  let field = fieldAt(text, 0);
  while (start < text.length) {
    let end = text.indexOf('\r\n', start);
    let next = end === -1 || end + 2 >= text.length ? undefined : fieldAt(text, end + 2);
    while (next === undefined && end !== -1 && end + 2 < text.length) {
      end = text.indexOf('\r\n', end + 2);
      next = end === -1 || end + 2 >= text.length ? undefined : fieldAt(text, end + 2);
    }
    const fieldEnd = end === -1 ? text.length : end;
    const place = field === undefined ? undefined : places.get(field.name);
    if (field !== undefined && place !== undefined) {
      found[place] = `${relaxedField(field.name, text.slice(field.value, fieldEnd))}\r\n${found[place]}`;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    field = next;
    start = fieldEnd + 2;
  }
  let canonical = '';
  for (let place = 0; place < found.length; place += 1) canonical += found[place] ?? '';
  return { names: namesFound(), text: canonical };
};
