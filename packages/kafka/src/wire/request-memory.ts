/**
 * Memory of large requests, used again once they are answered. V8 counts the memory of Buffers, and looks through its whole
 * heap for garbage whenever another 64 MB of it have been taken: with requests of some 100 KB several times a second.
 */

/** Below, Node's own pool serves. */
const smallestBytes = 4_096;
const blockBytes = 65_536;

export class RequestMemory {
  readonly #most: number;
  readonly #free: ArrayBufferLike[] = [];

  /** Keeps at most so many blocks. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Exactly `bytes`, not cleared. */
  take(bytes: number): Buffer {
    if (bytes < smallestBytes) return Buffer.allocUnsafe(bytes);
    const fitting = this.#free.findIndex((block) => block.byteLength >= bytes);
    const [block = Buffer.allocUnsafeSlow(Math.ceil(bytes / blockBytes) * blockBytes).buffer] =
      fitting < 0 ? [] : this.#free.splice(fitting, 1);
    return Buffer.from(block, 0, bytes);
  }

  /** What was taken, once nobody reads or writes it any more. The largest blocks are kept. */
  give(taken: Buffer): void {
    if (taken.length < smallestBytes) return;
    this.#free.push(taken.buffer);
    if (this.#free.length <= this.#most) return;
    this.#free.sort((a, b) => b.byteLength - a.byteLength);
    this.#free.length = this.#most;
  }
}
