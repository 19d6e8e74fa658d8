/** A bound on the bytes of all messages that are being received at once. */
export class ByteBudget {
  readonly maxBytes: number;
  #taken = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  /** Takes `bytes` when they fit; false when they do not. One request alone may always take what it needs. */
  take(bytes: number): boolean {
    if (this.#taken > 0 && this.#taken + bytes > this.maxBytes) return false;
    this.#taken += bytes;
    return true;
  }

  /** Gives back what was taken. */
  release(bytes: number): void {
    this.#taken = Math.max(0, this.#taken - bytes);
  }
}
