/** How many sessions one worker may have open; who finds none waits, the earliest deadline first. */

/** Who may want a place. */
export interface PlaceSeeker {
  /** Deadline of its most urgent message, ms since the epoch; undefined: it has none any more. */
  readonly urgency: number | undefined;
  /** A place is free: take it by `take`. */
  placeFree(): void;
}

export class ConnectionPlaces {
  readonly #places: number;
  readonly #waiting = new Set<PlaceSeeker>();
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Somebody waits for a place: sessions that idle, or had their turn, should end. */
  get short(): boolean {
    return this.#waiting.size > 0;
  }

  /** False: all are taken; `placeFree` is called when it is this one's turn. */
  take(seeker: PlaceSeeker): boolean {
    if (this.#taken >= this.#places) {
      this.#waiting.add(seeker);
      return false;
    }
    this.#waiting.delete(seeker);
    this.#taken += 1;
    return true;
  }

  giveBack(): void {
    this.#taken -= 1;
    const next = this.#mostUrgent();
    if (next === undefined) return;
    this.#waiting.delete(next);
    next.placeFree();
  }

  /** It wants none any more. */
  forget(seeker: PlaceSeeker): void {
    this.#waiting.delete(seeker);
  }

  #mostUrgent(): PlaceSeeker | undefined {
    let best: PlaceSeeker | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const seeker of this.#waiting) {
      const { urgency } = seeker;
      if (urgency === undefined) this.#waiting.delete(seeker);
      else if (urgency < earliest) {
        best = seeker;
        earliest = urgency;
      }
    }
    return best;
  }
}
