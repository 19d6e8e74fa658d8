/** The tokens of one bucket that a worker has been granted and not used yet: each for a moment of its own. */

/** Tokens of one grant, one each interval, by the worker's clock. */
export interface TokenBatch {
  /** When the first is due, µs. One that was due before `grantedUs` is due then. */
  readonly firstUs: number;
  /** When they were granted, at the latest, µs. */
  readonly grantedUs: number;
  readonly tokens: number;
  readonly intervalUs: number;
  /** How long after its time each may be used, µs. */
  readonly delayUs: number;
}

interface Held {
  dueUs: number;
  left: number;
  readonly grantedUs: number;
  readonly intervalUs: number;
  readonly delayUs: number;
}

export class TokenHand {
  readonly #batches: Held[] = [];
  /** Tokens that were not used in time, since the start. */
  lost = 0;
  /** Until when every token of the last `take` may be used, µs. */
  #takenUntilUs = Number.NEGATIVE_INFINITY;

  /** Tokens that may still be used, now or later. */
  get left(): number {
    return this.#batches.reduce((sum, { left }) => sum + left, 0);
  }

  /** When the next one is due, µs; undefined: there is none. */
  get dueUs(): number | undefined {
    return this.#batches[0]?.dueUs;
  }

  add({ firstUs, grantedUs, tokens, intervalUs, delayUs }: TokenBatch): void {
    if (tokens > 0) this.#batches.push({ dueUs: firstUs, left: tokens, grantedUs, intervalUs, delayUs });
  }

  /** Up to `want` tokens whose time has come and is not over. */
  take(nowUs: number, want: number): number {
    let taken = 0;
    for (let batch = this.#batches[0]; batch !== undefined && taken < want; batch = this.#batches[0]) {
      this.#dropLate(batch, nowUs);
      const due = Math.min(batch.left, Math.floor((nowUs - batch.dueUs) / batch.intervalUs) + 1);
      if (due > 0) {
        const take = Math.min(due, want - taken);
        const untilUs = Math.max(batch.dueUs, batch.grantedUs) + batch.delayUs;
        this.#takenUntilUs = taken === 0 ? untilUs : Math.min(untilUs, this.#takenUntilUs);
        taken += take;
        batch.left -= take;
        batch.dueUs += take * batch.intervalUs;
      }
      if (batch.left > 0) break;
      this.#batches.shift();
    }
    return taken;
  }

  /** Tokens of the last `take` that were not used: no longer good than they were. */
  giveBack(nowUs: number, tokens: number): void {
    if (tokens <= 0) return;
    this.#batches.unshift({
      dueUs: nowUs - 1,
      left: tokens,
      grantedUs: nowUs,
      intervalUs: 1 / tokens,
      delayUs: this.#takenUntilUs - nowUs,
    });
  }

  /** The limit is another one: nothing is left of the old. */
  clear(): void {
    for (const { left } of this.#batches.splice(0)) this.lost += left;
  }

  #dropLate(batch: Held, nowUs: number): void {
    const { grantedUs, delayUs, intervalUs } = batch;
    if (nowUs <= grantedUs + delayUs) return;
    const late = Math.min(batch.left, Math.max(0, Math.ceil((nowUs - delayUs - batch.dueUs) / intervalUs)));
    batch.left -= late;
    batch.dueUs += late * intervalUs;
    this.lost += late;
  }
}
