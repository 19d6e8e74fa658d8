/**
 * Long ASCII text in pieces, one behind the other. Most of a mail is text that its template shares among all: in pieces it
 * is copied once, into the bytes that are sent, and never into a string of the whole.
 */

/** Each is ASCII. */
export type Pieces = readonly string[];

/** Shorter texts are joined: writing each by itself would cost more. */
const ownPieceLength = 512;

/** Puts pieces together. */
export class PiecedText {
  readonly #pieces: string[] = [];
  #last = '';

  add(text: string): void {
    if (text.length < ownPieceLength) {
      this.#last += text;
      return;
    }
    if (this.#last !== '') this.#pieces.push(this.#last);
    this.#pieces.push(text);
    this.#last = '';
  }

  /** Another that goes on from here. */
  copy(): PiecedText {
    const copy = new PiecedText();
    copy.#pieces.push(...this.#pieces);
    copy.#last = this.#last;
    return copy;
  }

  /** The whole. */
  end(): Pieces {
    if (this.#last !== '') this.#pieces.push(this.#last);
    this.#last = '';
    return this.#pieces;
  }
}

/** Bytes of all of them. */
export const piecesLength = (pieces: Pieces): number => {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
};

/** Writes them; returns where they end. */
export const writePieces = (pieces: Pieces, to: Buffer, start: number): number => {
  let at = start;
  for (const piece of pieces) at += to.write(piece, at, 'latin1');
  return at;
};
