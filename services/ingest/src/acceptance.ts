/** The moment of acceptance: the record is in Kafka, acknowledged by every in-sync replica, or the caller hears that it is not. */
import { requestTopic, type Stream } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import type { BlobOffload } from './blob-offload.ts';
import { splitRequest } from './record-split.ts';
import { asProblem, type Spine } from './spine.ts';

/** Recipients and their variables in one record, UTF-16 units: with the content it stays below Kafka's 1 MiB. */
const maxRecipientUnits = 128 * 1_024;

export class Acceptance {
  readonly #spine: Spine;
  readonly #offload: BlobOffload;

  constructor(spine: Spine, offload: BlobOffload) {
    this.#spine = spine;
    this.#offload = offload;
  }

  /** Whether requests can be taken now. */
  get ready(): boolean {
    return this.#spine.ready;
  }

  /**
   * Resolves when Kafka has the request, on the topic of its stream. Throws a 503 problem when it cannot be reached; then part of a request that
   * was cut into several records may have been taken, and the same idempotency key makes a repetition harmless.
   */
  async accept(request: SendRequest, stream: Stream): Promise<void> {
    this.#spine.producer(stream);
    try {
      const small = this.#offload.isNeededFor(request) ? await this.#offload.store(request) : request;
      const records = splitRequest(small, maxRecipientUnits);
      const [only] = records;
      if (records.length === 1 && only !== undefined) await this.#send(only, stream);
      else await Promise.all(records.map((record) => this.#send(record, stream)));
    } catch (error) {
      throw asProblem(error);
    }
  }

  #send(request: SendRequest, stream: Stream): Promise<void> {
    const key = `${request.tenant}/${request.idempotency_key ?? request.request_id}`;
    return this.#spine.producer(stream).send('SendRequest', requestTopic(stream), { key, value: request });
  }
}
