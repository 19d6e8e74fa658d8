import { headerEnd, headerOf } from './header-fields.ts';

const terminator = Buffer.from('\r\n.\r\n');

/**
 * Collects what follows DATA until the final dot (RFC 5321 4.1.1.4), in whatever pieces it comes, without copying:
 * the pieces are kept as they were read, and only a mail that is looked at is joined.
 */
export class DataReader {
  readonly #chunks: Buffer[] = [];
  readonly #keepBytes: number;
  #kept = 0;
  #total = 0;
  // The last bytes seen; the CRLF of the DATA command itself starts the first line.
  #tail = '\r\n';
  #content: Buffer | undefined;

  /** Pieces beyond `keepBytes` are counted and let go. */
  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  /** Bytes of the mail as sent, without the final dot's line. */
  get size(): number {
    return this.#total;
  }

  /** Takes the next piece. Returns where in it the mail ended (the next command begins there), -1 if it did not. */
  push(chunk: Buffer): number {
    const end = this.#endIn(chunk);
    const piece = end === -1 ? chunk : chunk.subarray(0, end);
    if (this.#kept < this.#keepBytes) {
      this.#chunks.push(piece);
      this.#kept += piece.length;
    }
    this.#total += piece.length;
    if (end !== -1) {
      this.#total -= 3;
      return end;
    }
    this.#tail = chunk.length >= 4 ? lastFour(chunk) : (this.#tail + chunk.toString('latin1')).slice(-4);
    return -1;
  }

  /** The mail, or its first kept part, dot-stuffing removed. Call it after the end was found. */
  content(): Buffer {
    this.#content ??= this.#joined();
    return this.#content;
  }

  /** The header of the mail with the empty line below it, without joining pieces where the first holds it all. */
  header(): Buffer {
    const first = this.#chunks[0];
    const end = first === undefined ? -1 : headerEnd(first);
    if (first === undefined || end === -1) return headerOf(this.content());
    return unstuff(first.subarray(0, end));
  }

  #joined(): Buffer {
    const joined = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    return unstuff((joined ?? Buffer.alloc(0)).subarray(0, this.#total));
  }

  #endIn(chunk: Buffer): number {
    const seam = (this.#tail + chunk.toString('latin1', 0, 4)).indexOf('\r\n.\r\n');
    // Inside the tail alone there is no end: it would have been found with the piece before.
    if (seam !== -1) return seam + terminator.length - this.#tail.length;
    const at = chunk.indexOf(terminator);
    return at === -1 ? -1 : at + terminator.length;
  }
}

function lastFour(chunk: Buffer): string {
  return chunk.toString('latin1', chunk.length - 4);
}

/** Takes away the dot that was put before each line which began with one, RFC 5321 4.5.2. */
function unstuff(content: Buffer): Buffer {
  const dot = 0x2e;
  const startsWithDot = content[0] === dot;
  let at = content.indexOf('\r\n.');
  if (!startsWithDot && at === -1) return content;
  const pieces: Buffer[] = [];
  let from = startsWithDot ? 1 : 0;
  while (at !== -1) {
    pieces.push(content.subarray(from, at + 2));
    from = at + 3;
    at = content.indexOf('\r\n.', from);
  }
  pieces.push(content.subarray(from));
  return Buffer.concat(pieces);
}
