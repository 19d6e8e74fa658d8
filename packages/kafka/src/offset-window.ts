/**
 * Which records of one partition are finished: they finish in any order, and only what lies below the lowest
 * unfinished one may be committed. Pure.
 */

/** A record's place in its window. */
export interface Slot {
  readonly offset: number;
  done: boolean;
}

export class OffsetWindow {
  /** Slots in offset order; those before `#head` are finished and gone. */
  #slots: Slot[] = [];
  #head = 0;
  #end: number;
  #open = 0;

  /** `start`: the first offset that has not been seen. */
  constructor(start: number) {
    this.#end = start;
  }

  /** The lowest offset that is not finished: everything below it may be committed. */
  get watermark(): number {
    return this.#slots[this.#head]?.offset ?? this.#end;
  }

  /** The first offset that has not been added. */
  get end(): number {
    return this.#end;
  }

  /** Records added and not finished. */
  get open(): number {
    return this.#open;
  }

  /** Adds the next record. Offsets rise; gaps are offsets that never were records. Throws RangeError otherwise. */
  add(offset: number, done = false): Slot {
    if (offset < this.#end) throw new RangeError(`Offset ${offset} comes after ${this.#end - 1}.`);
    const slot: Slot = { offset, done };
    this.#slots.push(slot);
    this.#end = offset + 1;
    if (done) this.#advance();
    else this.#open += 1;
    return slot;
  }

  /** The partition has nothing below `offset` that has not been added. */
  skipTo(offset: number): void {
    if (offset > this.#end) this.#end = offset;
  }

  /** Whether this was the call that finished it. */
  complete(slot: Slot): boolean {
    if (slot.done) return false;
    slot.done = true;
    this.#open -= 1;
    this.#advance();
    return true;
  }

  /** Finished offsets above the watermark, rising. */
  *completedAbove(): Generator<number> {
    for (let index = this.#head; index < this.#slots.length; index += 1) {
      const slot = this.#slots[index];
      if (slot?.done) yield slot.offset;
    }
  }

  #advance(): void {
    while (this.#slots[this.#head]?.done) this.#head += 1;
    // Dropping finished slots in large steps keeps the cost of a completion constant.
    if (this.#head > 1_024 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
  }
}
