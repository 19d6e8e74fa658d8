/**
 * Quoted-printable (RFC 2045 6.7), made in pieces: what a template says itself is encoded once, what a message adds is
 * encoded when it comes. Beside the encoded form grows its relaxed canonical form (RFC 6376 3.4.4), so that the body of
 * a message is hashed without being read again.
 */
import { PiecedText, type Pieces } from './pieces.ts';

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const equals = 0x3d;
const hex = Buffer.from('0123456789ABCDEF', 'latin1');

/** Content of a line; with the `=` of a soft line break it has 76 characters (rule 5). */
const lineContent = 75;
const softBreak = '=\r\n';

/** Text that is its own encoding and canonical form, but for the length of its lines. */
const plain = /^[!-<>-~]+(?: [!-<>-~]+)*$/;

/** Text encoded by itself, to be put behind other such texts. */
export interface EncodedText {
  /** Without the blank that the text may end with: what follows decides how it is written. */
  readonly encoded: string;
  /** Canonical form of `encoded`; where that is no other, the same string. */
  readonly canonical: string;
  /** Canonical form of `encoded` behind a blank: without those at its start. */
  readonly canonicalBehindBlank: string;
  readonly startsBreak: boolean;
  /** Characters up to the first line break of either kind, or all. */
  readonly firstLine: number;
  /** Characters behind the last line break. */
  readonly lastLine: number;
  readonly hasBreak: boolean;
  /** The blank that the text ends with, or nothing. */
  readonly lastBlank: '' | ' ' | '\t';
}

/** Source, encoded and canonical bytes of the text that is being encoded. Larger ones are not kept for the next. */
const keptBytes = 262_144;
let source = Buffer.allocUnsafe(keptBytes);
let encoded = Buffer.allocUnsafe(keptBytes);
let canonical = Buffer.allocUnsafe(keptBytes);

const reserve = (sourceBytes: number): void => {
  const size = sourceBytes > keptBytes / 4 ? 4 * sourceBytes + 16 : keptBytes;
  if (size === source.length || (size < source.length && size > keptBytes)) return;
  source = Buffer.allocUnsafe(size);
  encoded = Buffer.allocUnsafe(size);
  canonical = Buffer.allocUnsafe(size);
};

/** CR, LF and CRLF are line breaks. */
export const encodeText = (text: string): EncodedText => {
  reserve(3 * text.length);
  const from = source;
  const out = encoded;
  const relaxed = canonical;
  const end = from.write(text, 'utf8');
  let to = 0;
  let relaxedTo = 0;
  let lineStart = 0;
  let firstLine = -1;
  /** The canonical form ends with a blank, or has not begun. */
  let blank = true;
  let lastBlank: '' | ' ' | '\t' = '';
  for (let at = 0; at < end; at += 1) {
    const byte = from[at] ?? 0;
    if (byte === lf || byte === cr) {
      if (byte === cr && at + 1 < end && from[at + 1] === lf) at += 1;
      if (firstLine === -1) firstLine = to;
      out[to] = cr;
      out[to + 1] = lf;
      to += 2;
      lineStart = to;
      relaxed[relaxedTo] = cr;
      relaxed[relaxedTo + 1] = lf;
      relaxedTo += 2;
      blank = false;
      continue;
    }
    const isBlank = byte === space || byte === tab;
    if (isBlank && at + 1 === end) {
      lastBlank = byte === tab ? '\t' : ' ';
      break;
    }
    // A blank before a line break would be taken for padding (rule 3).
    const literal = isBlank
      ? from[at + 1] !== lf && from[at + 1] !== cr
      : byte > space && byte < 0x7f && byte !== equals;
    if (to - lineStart + (literal ? 1 : 3) > lineContent) {
      if (firstLine === -1) firstLine = to;
      out[to] = equals;
      out[to + 1] = cr;
      out[to + 2] = lf;
      to += 3;
      lineStart = to;
      relaxed[relaxedTo] = equals;
      relaxed[relaxedTo + 1] = cr;
      relaxed[relaxedTo + 2] = lf;
      relaxedTo += 3;
      blank = false;
    }
    if (literal) {
      out[to] = byte;
      to += 1;
      if (!isBlank) {
        relaxed[relaxedTo] = byte;
        relaxedTo += 1;
        blank = false;
      } else if (!blank) {
        relaxed[relaxedTo] = space;
        relaxedTo += 1;
        blank = true;
      }
    } else {
      const high = hex[byte >> 4] ?? 0;
      const low = hex[byte & 15] ?? 0;
      out[to] = equals;
      out[to + 1] = high;
      out[to + 2] = low;
      to += 3;
      relaxed[relaxedTo] = equals;
      relaxed[relaxedTo + 1] = high;
      relaxed[relaxedTo + 2] = low;
      relaxedTo += 3;
      blank = false;
    }
  }
  const first = out[0];
  const startsBlank = to > 0 && (first === space || first === tab);
  const encodedText = out.toString('latin1', 0, to);
  const behindBlank = relaxed.toString('latin1', 0, relaxedTo);
  const behindText = startsBlank ? ` ${behindBlank}` : behindBlank;
  return {
    encoded: encodedText,
    canonical: behindText === encodedText ? encodedText : behindText,
    canonicalBehindBlank: behindBlank === encodedText ? encodedText : behindBlank,
    startsBreak: to > 0 && first === cr,
    firstLine: firstLine === -1 ? to : firstLine,
    lastLine: to - lineStart,
    hasBreak: firstLine !== -1,
    lastBlank,
  };
};

/** A text that many messages share: encoded when the first of them needs it. */
export class SharedText {
  readonly text: string;
  #encoded: EncodedText | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get encoded(): EncodedText {
    this.#encoded ??= encodeText(this.text);
    return this.#encoded;
  }
}

/** A whole text as a body, without a line end behind its last line. No `=` in it is followed by `_`. */
export interface QuotedPrintable {
  readonly encoded: Pieces;
  /** The same pieces where the text is its own canonical form, as most are. */
  readonly canonical: Pieces;
}

/** Puts a text together. */
export class QuotedPrintableText {
  readonly #encoded = new PiecedText();
  /** Undefined while it is the same as what is encoded. */
  #canonical: PiecedText | undefined;
  /** Of the line that is being written. */
  #column = 0;
  #endsBlank = false;
  #pending: '' | ' ' | '\t' = '';

  /** Adds text that only this message has. */
  add(text: string): void {
    if (text === '') return;
    if (!plain.test(text)) {
      this.addEncoded(encodeText(text));
      return;
    }
    this.#writePending();
    let rest = text;
    while (this.#column + rest.length > lineContent) {
      const room = lineContent - this.#column;
      this.#write(rest.slice(0, room));
      this.#breakSoftly();
      rest = rest.slice(room);
    }
    this.#write(rest);
  }

  /** Adds text that was encoded before. */
  addEncoded(text: EncodedText): void {
    if (text.encoded === '' && text.lastBlank === '') return;
    if (text.startsBreak) this.#closeLine();
    else this.#writePending();
    if (this.#column > 0 && this.#column + text.firstLine > lineContent) this.#breakSoftly();
    if (text.encoded !== '') {
      this.#put(text.encoded, this.#endsBlank ? text.canonicalBehindBlank : text.canonical);
      this.#column = text.hasBreak ? text.lastLine : this.#column + text.lastLine;
      const last = text.encoded.charCodeAt(text.encoded.length - 1);
      this.#endsBlank = last === space || last === tab;
    }
    this.#pending = text.lastBlank;
  }

  /** The whole. */
  end(): QuotedPrintable {
    this.#closeLine();
    const pieces = this.#encoded.end();
    return { encoded: pieces, canonical: this.#canonical?.end() ?? pieces };
  }

  #put(text: string, relaxed: string): void {
    if (this.#canonical === undefined && text !== relaxed) this.#canonical = this.#encoded.copy();
    this.#encoded.add(text);
    this.#canonical?.add(relaxed);
  }

  #write(text: string): void {
    if (text === '') return;
    this.#put(text, this.#endsBlank && text.charCodeAt(0) === space ? text.slice(1) : text);
    this.#column += text.length;
    this.#endsBlank = text.charCodeAt(text.length - 1) === space;
  }

  #breakSoftly(): void {
    this.#put(softBreak, softBreak);
    this.#column = 0;
    this.#endsBlank = false;
  }

  /** What follows is on the same line: the blank is written as it is. */
  #writePending(): void {
    if (this.#pending === '') return;
    if (this.#column + 1 > lineContent) this.#breakSoftly();
    this.#put(this.#pending, this.#endsBlank ? '' : ' ');
    this.#column += 1;
    this.#endsBlank = true;
    this.#pending = '';
  }

  /** A line break or the end follows: a blank before it is encoded. */
  #closeLine(): void {
    if (this.#pending === '') return;
    if (this.#column + 3 > lineContent) this.#breakSoftly();
    this.#write(this.#pending === ' ' ? '=20' : '=09');
    this.#pending = '';
  }
}

/** A whole text at once. */
export const quotedPrintable = (text: string): QuotedPrintable => {
  const whole = new QuotedPrintableText();
  whole.add(text);
  return whole.end();
};
