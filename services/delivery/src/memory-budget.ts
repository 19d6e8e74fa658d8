/** A bound on the bytes of all mails that are rendered and not sent yet. */
export class MemoryBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether `bytes` were granted. One grant is always possible, however large; where none is, `again` is called when there is room. */
  take(bytes: number, again: () => void): boolean {
    if (this.#usedBytes > 0 && this.#usedBytes + bytes > this.#maxBytes) {
      this.#waiting.add(again);
      return false;
    }
    this.#usedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#usedBytes -= bytes;
    if (this.#waiting.size === 0 || this.#usedBytes > this.#maxBytes / 2) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const again of waiting) again();
  }
}
