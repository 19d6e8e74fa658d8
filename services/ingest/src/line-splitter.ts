/** Cuts a byte stream into lines, keeping no more than one line of bounded length. */

/** A line without its line end, or one that was longer than allowed and was dropped. */
export type Line =
  | { readonly kind: 'line'; readonly number: number; readonly text: string }
  | { readonly kind: 'too_long'; readonly number: number };

const lineFeed = 0x0a;

/** Push chunks in, take lines out. Lines end with LF or CRLF; the last one may end with the stream. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #dropping = false;
  #number = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Lines that end in this chunk. */
  *push(chunk: Buffer): Generator<Line> {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, from)) {
      this.#keep(chunk.subarray(from, end));
      from = end + 1;
      yield this.#finish();
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  /** The last line, when the stream does not end with a line end. */
  *end(): Generator<Line> {
    if (this.#dropping || this.#partBytes > 0) yield this.#finish();
  }

  #keep(part: Buffer): void {
    if (this.#dropping || part.length === 0) return;
    this.#partBytes += part.length;
    if (this.#partBytes > this.#maxBytes) {
      this.#dropping = true;
      this.#parts = [];
      return;
    }
    this.#parts.push(part);
  }

  #finish(): Line {
    this.#number += 1;
    const [only] = this.#parts;
    const bytes = only !== undefined && this.#parts.length === 1 ? only : Buffer.concat(this.#parts);
    const tooLong = this.#dropping;
    this.#parts = [];
    this.#partBytes = 0;
    this.#dropping = false;
    if (tooLong) return { kind: 'too_long', number: this.#number };
    const length = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
    return { kind: 'line', number: this.#number, text: bytes.toString('utf8', 0, length) };
  }
}
