/** Contents that are too large for a record: made into one message and put into the blob store. */
import type { SendRequest } from '@millrace/schemas';
import { contentBytes } from './request-check.ts';

export interface BlobOffloadOptions {
  /** Contents above this go to the blob store, bytes. */
  readonly inlineMaxBytes: number;
  /** Keeps bytes and answers with their reference. */
  readonly put: (bytes: Buffer) => Promise<string>;
  /** Makes composed content into a whole message, the same for all recipients. */
  readonly compose: (request: SendRequest) => Promise<Buffer>;
}

export class BlobOffload {
  readonly #options: BlobOffloadOptions;

  constructor(options: BlobOffloadOptions) {
    this.#options = options;
  }

  isNeededFor(request: SendRequest): boolean {
    return contentBytes(request) > this.#options.inlineMaxBytes;
  }

  /** The request with a reference in place of its content. The header fields are in the message then. */
  async store(request: SendRequest): Promise<SendRequest> {
    const message = request.raw ?? (await this.#options.compose(request));
    const blob = await this.#options.put(message);
    return { ...request, raw: null, composed: null, headers: [], blob };
  }
}
