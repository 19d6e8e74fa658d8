/** Ids that were seen, of which a bounded number is remembered: those that came longest ago are forgotten first. */
export class RecentIds {
  readonly #most: number;
  readonly #known = new Set<string>();
  /** In the order of their coming, round and round: a Set takes long to tell its first where others were before it. */
  readonly #ring: string[] = [];
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether it is not remembered; from now on it is. */
  isNew(id: string): boolean {
    if (this.#known.has(id)) return false;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#ring[this.#next] = id;
    this.#next = (this.#next + 1) % this.#most;
    this.#known.add(id);
    return true;
  }
}
