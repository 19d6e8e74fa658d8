/** Where a message is put together: one buffer that grows, used again for the next one. */

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const equals = 0x3d;
const hex = Buffer.from('0123456789ABCDEF', 'latin1');

/** Content of a line of quoted-printable; with the `=` of a soft line break it has 76 (RFC 2045 6.7, rule 5). */
const lineContent = 75;

/** Above this a buffer is not kept for the next message, bytes. */
const keptBytes = 1_048_576;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(65_536);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written so far; valid until the next write. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Starts the next message. */
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > keptBytes) this.#bytes = Buffer.allocUnsafe(65_536);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + more));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  /** Text of ASCII characters only. */
  ascii(text: string): void {
    this.#reserve(text.length);
    this.#length += this.#bytes.write(text, this.#length, 'latin1');
  }

  utf8(text: string): void {
    this.#reserve(3 * text.length);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Text in UTF-8, quoted-printable (RFC 2045 6.7), without a line end behind the last line. CR, LF and CRLF are line
   * breaks. No `=` is followed by `_`, so a boundary that holds `=_` never occurs in it.
   */
  quotedPrintable(text: string): void {
    // The source goes to the buffer's far end; the encoded form, at most 3 bytes and a soft break a byte, cannot reach it.
    const most = 3 * text.length;
    this.#reserve(5 * most + 16);
    const out = this.#bytes;
    const from = out.length - most;
    const end = from + out.write(text, from, 'utf8');
    let to = this.#length;
    let column = 0;
    for (let at = from; at < end; at += 1) {
      const byte = out[at] ?? 0;
      if (byte === lf || byte === cr) {
        if (byte === cr && at + 1 < end && out[at + 1] === lf) at += 1;
        out[to] = cr;
        out[to + 1] = lf;
        to += 2;
        column = 0;
        continue;
      }
      const next = at + 1 < end ? out[at + 1] : lf;
      const literal =
        (byte > space && byte < 0x7f && byte !== equals) ||
        ((byte === space || byte === tab) && next !== lf && next !== cr);
      if (column + (literal ? 1 : 3) > lineContent) {
        out[to] = equals;
        out[to + 1] = cr;
        out[to + 2] = lf;
        to += 3;
        column = 0;
      }
      if (literal) {
        out[to] = byte;
        to += 1;
        column += 1;
      } else {
        out[to] = equals;
        out[to + 1] = hex[byte >> 4] ?? 0;
        out[to + 2] = hex[byte & 15] ?? 0;
        to += 3;
        column += 3;
      }
    }
    this.#length = to;
  }
}
