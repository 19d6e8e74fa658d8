/** A whole message before it is signed. */
import type { Pieces } from './mime/pieces.ts';

/** Written by Millrace: its body was made together with its canonical form. */
export interface WrittenMessage {
  readonly kind: 'written';
  /** Every field with its CRLF; ASCII but for addresses that need SMTPUTF8. */
  readonly header: string;
  readonly body: Pieces;
  /** The body in the relaxed canonical form (RFC 6376 3.4.4); the same pieces where that is no other. */
  readonly canonicalBody: Pieces;
}

/** Bytes that somebody else made, in pieces, every line ended by CRLF. */
export interface RawMessage {
  readonly kind: 'raw';
  readonly pieces: readonly Buffer[];
}

export type MessageContent = WrittenMessage | RawMessage;
