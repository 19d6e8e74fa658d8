/**
 * Memory that is used again. V8 counts the memory of Buffers, though it is outside its heap, and goes through its whole heap
 * for garbage whenever another 64 MB of it have been taken: with mails of 10 KB several times a second. Bounded: what is
 * idle is at most `maxIdleBytes`.
 */

export interface ReusedMemoryOptions {
  /** Smaller pieces come from Node's own pool. Default: none does. */
  readonly smallestBytes?: number;
  /** Larger pieces are rare, and take their own. Default 65,536. */
  readonly largestBytes?: number;
  /** Bytes that wait for the next one. Default 8,388,608. */
  readonly maxIdleBytes?: number;
}

const smallest = 4_096;

/** Powers of two. */
const sizeFor = (bytes: number): number => 2 ** (32 - Math.clz32(Math.max(smallest, bytes) - 1));

export class ReusedMemory {
  readonly #smallestBytes: number;
  readonly #largestBytes: number;
  readonly #maxIdleBytes: number;
  /** By size; what came back last goes out first. */
  readonly #idle = new Map<number, ArrayBufferLike[]>();
  /** Is out, and comes from here. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #idleBytes = 0;

  constructor({
    smallestBytes = 0,
    largestBytes = 65_536,
    maxIdleBytes = 8_388_608,
  }: ReusedMemoryOptions = {}) {
    this.#smallestBytes = smallestBytes;
    this.#largestBytes = largestBytes;
    this.#maxIdleBytes = maxIdleBytes;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** So many bytes, whatever stands in them. */
  take(bytes: number): Buffer {
    if (bytes < this.#smallestBytes || bytes > this.#largestBytes) return Buffer.allocUnsafe(bytes);
    const size = sizeFor(bytes);
    let memory = this.#idle.get(size)?.pop();
    if (memory === undefined) memory = Buffer.allocUnsafeSlow(size).buffer;
    else this.#idleBytes -= size;
    this.#lent.add(memory);
    return Buffer.from(memory, 0, bytes);
  }

  /**
   * Nobody reads or writes it any more, this process's sockets included. It may be a part of what was taken. What is not from
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
