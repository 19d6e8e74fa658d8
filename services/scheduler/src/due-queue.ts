/** Items by the time when they are due, the soonest first: a binary heap. Pure. */
export class DueQueue<T> {
  readonly #heap: { readonly dueAt: number; readonly item: T }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the soonest is due; undefined: there is none. */
  get nextAt(): number | undefined {
    return this.#heap[0]?.dueAt;
  }

  add(dueAt: number, item: T): void {
    const entry = { dueAt, item };
    let index = this.#heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.dueAt <= dueAt) break;
      this.#heap[index] = parent;
      index = above;
    }
    this.#heap[index] = entry;
  }

  /** Takes the soonest out, if it is due at `now`. */
  takeDue(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueAt > now) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
    return first.item;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #sink(entry: { readonly dueAt: number; readonly item: T }): void {
    let index = 0;
    for (;;) {
      let below = index * 2 + 1;
      const left = this.#heap[below];
      const right = this.#heap[below + 1];
      let smaller = left;
      if (left !== undefined && right !== undefined && right.dueAt < left.dueAt) {
        smaller = right;
        below += 1;
      }
      if (smaller === undefined || smaller.dueAt >= entry.dueAt) break;
      this.#heap[index] = smaller;
      index = below;
    }
    this.#heap[index] = entry;
  }
}
