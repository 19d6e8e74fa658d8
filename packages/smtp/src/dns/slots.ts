/** So many may do something at once; further ones wait in order, and beyond a limit they are turned away. */
export class Slots {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting: ((taken: boolean) => void)[] = [];

  constructor(slots: number, maxWaiting: number) {
    this.#free = slots;
    this.#maxWaiting = maxWaiting;
  }

  /** Resolves with true when a slot is held: release it. False: too many wait already. */
  take(): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    if (this.#waiting.length >= this.#maxWaiting) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next(true);
  }
}
