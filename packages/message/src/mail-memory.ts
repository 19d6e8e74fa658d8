/**
 * Memory for mails that are used again: a mail of 10 KB is memory outside V8's heap, and taking it anew for each mail makes
 * V8 go through its whole heap every few thousand mails. Bounded: what is idle is at most `maxIdleBytes`.
 */

/** Largest mail that gets memory from here; larger ones are rare, and take their own. */
const largest = 65_536;
const smallest = 4_096;

/** Powers of two. */
const sizeFor = (bytes: number): number => Math.max(smallest, 2 ** (32 - Math.clz32(bytes - 1)));

export class MailMemory {
  readonly #maxIdleBytes: number;
  /** By size; what came back last goes out first. */
  readonly #idle = new Map<number, ArrayBufferLike[]>();
  /** Is out, and comes from here. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #idleBytes = 0;

  constructor(maxIdleBytes = 8_388_608) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  /** Bytes that wait for the next mail. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** So many bytes, whatever stands in them. */
  take(bytes: number): Buffer {
    if (bytes > largest) return Buffer.allocUnsafe(bytes);
    const size = sizeFor(bytes);
    let memory = this.#idle.get(size)?.pop();
    if (memory === undefined) memory = Buffer.allocUnsafeSlow(size).buffer;
    else this.#idleBytes -= size;
    this.#lent.add(memory);
    return Buffer.from(memory, 0, bytes);
  }

  /**
   * Nobody reads the mail any more, this process's sockets included. `data` may be a part of what was taken. What is not from
   * here, or came back before, is nobody's concern.
   */
  giveBack({ buffer }: Buffer): void {
    if (!this.#lent.delete(buffer)) return;
    if (this.#idleBytes + buffer.byteLength > this.#maxIdleBytes) return;
    const idle = this.#idle.get(buffer.byteLength) ?? [];
    this.#idle.set(buffer.byteLength, idle);
    idle.push(buffer);
    this.#idleBytes += buffer.byteLength;
  }
}
