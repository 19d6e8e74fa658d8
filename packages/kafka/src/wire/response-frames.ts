/** Answers out of what a connection brings: each of them in one piece of memory, into which it is copied once. */
import { answerMemory } from './wire-memory.ts';

/** The length before an answer. */
const headBytes = 4;
/** The largest fetch brings a few MiB: what announces more than this is no answer of a broker. */
const mostBytes = 268_435_456;

export class ResponseFrames {
  readonly #head = Buffer.allocUnsafe(headBytes);
  #frame: Buffer | undefined;
  /** Of the frame, or of its head while there is no frame. */
  #filled = 0;

  /** Tells every answer that is complete by now, its length included. Throws RangeError where that cannot be one. */
  push(chunk: Buffer, tell: (frame: Buffer) => void): void {
    for (let at = 0; at < chunk.length; ) {
      const to = this.#frame ?? this.#head;
      const copied = chunk.copy(to, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < to.length) return;
      if (this.#frame === undefined) this.#begin();
      else {
        this.#frame = undefined;
        this.#filled = 0;
        tell(to);
      }
    }
  }

  #begin(): void {
    const bytes = this.#head.readInt32BE(0);
    // The number of the request that it answers comes first.
    if (bytes < 4 || bytes > mostBytes)
      throw new RangeError(`An answer of ${bytes} bytes: what answers here is not a Kafka broker.`);
    this.#frame = answerMemory.take(headBytes + bytes);
    this.#head.copy(this.#frame);
  }
}
