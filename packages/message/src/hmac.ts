/**
 * HMAC-SHA-256 (RFC 2104) by two one-shot hashes: for short texts a fraction of what Node's `Hmac` objects cost. The hashes
 * are taken as strings of bytes, which cost a third of a Buffer with memory of its own.
 */
import { hash } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;
const keptBytes = 1_024;

/** A secret, ready for any number of texts. */
export class HmacKey {
  /** The key's inner block, with room for a text behind it. */
  readonly #inner = Buffer.alloc(blockBytes + keptBytes);
  /** The key's outer block, and the inner hash. */
  readonly #outer = Buffer.alloc(blockBytes + digestBytes);

  /** A string is taken as UTF-8. */
  constructor(secret: string | Uint8Array) {
    const bytes = Buffer.from(secret);
    const key = bytes.length > blockBytes ? hash('sha256', bytes, 'buffer') : bytes;
    for (let at = 0; at < blockBytes; at += 1) {
      const byte = key[at] ?? 0;
      this.#inner[at] = byte ^ 0x36;
      this.#outer[at] = byte ^ 0x5c;
    }
  }

  /** Of the text's UTF-8, or of the bytes; 32 bytes. */
  digest(content: string | Uint8Array): Buffer {
    const longest = typeof content === 'string' ? 3 * content.length : content.length;
    const inner =
      longest <= keptBytes
        ? this.#inner
        : Buffer.concat([this.#inner.subarray(0, blockBytes)], blockBytes + longest);
    let end = blockBytes;
    if (typeof content === 'string') end += inner.write(content, blockBytes, 'utf8');
    else {
      inner.set(content, blockBytes);
      end += content.length;
    }
    this.#outer.write(hash('sha256', inner.subarray(0, end), 'binary'), blockBytes, 'latin1');
    return Buffer.from(hash('sha256', this.#outer, 'binary'), 'latin1');
  }
}
