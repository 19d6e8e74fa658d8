/** Items by deadline, the earliest first; those of one deadline in the order they came: a binary heap. Pure. */
interface Entry<T> {
  readonly deadline: number;
  /** Order of arrival. */
  readonly turn: number;
  readonly item: T;
}

const before = (a: Entry<unknown>, b: Entry<unknown>): boolean =>
  a.deadline < b.deadline || (a.deadline === b.deadline && a.turn < b.turn);

export class DeadlineQueue<T> {
  readonly #heap: Entry<T>[] = [];
  #turns = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Deadline of the first, ms since the epoch; undefined: there is none. */
  get nextDeadline(): number | undefined {
    return this.#heap[0]?.deadline;
  }

  add(deadline: number, item: T): void {
    const entry = { deadline, turn: this.#turns++, item };
    let index = this.#heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || before(parent, entry)) break;
      this.#heap[index] = parent;
      index = above;
    }
    this.#heap[index] = entry;
  }

  peek(): T | undefined {
    return this.#heap[0]?.item;
  }

  /** Takes the earliest out. */
  take(): T | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (first !== last) this.#sink(last);
    return first.item;
  }

  /** Takes out everything, in no particular order. */
  drain(): T[] {
    return this.#heap.splice(0).map(({ item }) => item);
  }

  #sink(entry: Entry<T>): void {
    let index = 0;
    for (;;) {
      let below = index * 2 + 1;
      const left = this.#heap[below];
      const right = this.#heap[below + 1];
      let earlier = left;
      if (left !== undefined && right !== undefined && before(right, left)) {
        earlier = right;
        below += 1;
      }
      if (earlier === undefined || before(entry, earlier)) break;
      this.#heap[index] = earlier;
      index = below;
    }
    this.#heap[index] = entry;
  }
}
