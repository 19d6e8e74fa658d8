/** Memory of a process's requests and answers, used again: idle are at most 2 MiB for requests, 8 MiB for each of the others. */
import { ReusedMemory } from '@millrace/core';

/** Below, Node's own pool serves. */
const smallestBytes = 4_096;

export class WireMemory {
  readonly #memory: ReusedMemory;

  constructor(maxIdleBytes: number) {
    this.#memory = new ReusedMemory({ largestBytes: 8_388_608, maxIdleBytes });
  }

  /** So many bytes, whatever stands in them. */
  take(bytes: number): Buffer {
    return bytes < smallestBytes ? Buffer.allocUnsafe(bytes) : this.#memory.take(bytes);
  }

  /** Nobody looks at it any more, the network included. What is not from here is left alone. */
  giveBack(bytes: Buffer): void {
    this.#memory.giveBack(bytes);
  }
}

export const requestMemory = new WireMemory(2_097_152);
export const answerMemory = new WireMemory(8_388_608);
/** For records that are fetched and wait for their turn, or are handed out. */
export const waitingMemory = new WireMemory(8_388_608);
