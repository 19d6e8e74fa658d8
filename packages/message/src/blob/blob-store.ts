/** Contents above 256 KiB: kept outside Kafka, named by an opaque reference in the record. */

/** Name of a kept content: time-ordered, lower-case letters and digits only, so that it cannot lead anywhere else. */
export type BlobRef = string & { readonly __brand: 'BlobRef' };

/** Stable codes of {@link BlobError}. */
export type BlobErrorCode =
  /** Not a reference that a store has given out. Final. */
  | 'ERR_BLOB_REF'
  /** There is no such content (any more). Final. */
  | 'ERR_BLOB_MISSING'
  /** Larger than the caller takes. Final. */
  | 'ERR_BLOB_TOO_LARGE'
  /** The store cannot be reached or refuses: try again. */
  | 'ERR_BLOB_UNAVAILABLE';

/** A content could not be kept or read. */
export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly code: BlobErrorCode;
  /** Whether trying again can help. */
  readonly transient: boolean;

  constructor(code: BlobErrorCode, text: string, options: { readonly cause?: unknown } = {}) {
    super(text, options);
    this.code = code;
    this.transient = code === 'ERR_BLOB_UNAVAILABLE';
  }
}

/** Where large contents are kept. All throw {@link BlobError}. */
export interface BlobStore {
  /** Resolves when the content is durable. A stream is counted while it is written and never held in memory as a whole by the file store. */
  put(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobRef>;
  /** The whole content, at most `maxBytes`. `ref`: as it came from a record; checked here. */
  get(ref: string, maxBytes: number): Promise<Buffer>;
  /** Forgets it; nothing happens when it is not there. */
  delete(ref: string): Promise<void>;
}

const form = /^[0-9a-f]{12}[0-9a-f]{32}$/;

/** A reference from a record. Throws ERR_BLOB_REF for anything else, such as a path. */
export const parseBlobRef = (text: string): BlobRef => {
  if (isBlobRef(text)) return text;
  throw new BlobError('ERR_BLOB_REF', `"${text.slice(0, 80)}" is not a reference of the blob store.`);
};

const isBlobRef = (text: string): text is BlobRef => form.test(text);

/** A fresh reference. `now`: ms since the epoch; the other 128 bits are random. */
export const newBlobRef = (now: number, random: Uint8Array): BlobRef =>
  parseBlobRef(now.toString(16).padStart(12, '0') + Buffer.from(random).toString('hex'));
