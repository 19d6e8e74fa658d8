/** Memory that values are encoded into, one behind the other: slabs, since one allocation for each value costs more than the value. */

export interface Slab {
  readonly bytes: Buffer;
  used: number;
  /** Values in it that are held. */
  values: number;
}

const slabBytes = 262_144;

export class EncodingSlabs {
  readonly #most: number;
  readonly #free: Slab[] = [];
  #open: Slab = slabOf(slabBytes);

  /**
   * Slabs are used again when all values in them are released; keeps at most `most` that are empty. V8 counts their memory,
   * and looks through its whole heap for garbage whenever another 64 MB have been taken. Default: none is used again.
   */
  constructor(most = 0) {
    this.#most = most;
  }

  /** Where the next value goes. */
  get open(): Slab {
    return this.#open;
  }

  /** Another slab with at least `bytes`, for a value that the open one has no room for. */
  renew(bytes: number): void {
    const free = bytes <= slabBytes ? this.#free.pop() : undefined;
    this.#open = free ?? slabOf(bytes);
  }

  /** The open slab, in which one more value is needed until it is released. */
  hold(): Slab {
    this.#open.values += 1;
    return this.#open;
  }

  /** One of its values is not needed any more. Those that are never released keep their slab from being used again. */
  release(slab: Slab): void {
    slab.values -= 1;
    if (slab.values > 0) return;
    slab.used = 0;
    if (slab !== this.#open && slab.bytes.length === slabBytes && this.#free.length < this.#most)
      this.#free.push(slab);
  }
}

function slabOf(bytes: number): Slab {
  return { bytes: Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes)), used: 0, values: 0 };
}
