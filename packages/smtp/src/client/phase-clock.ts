/** Coarse enough not to matter, ms. */
const slackMs = 5;

/**
 * One limit of time after another with one timer: a phase that ends in time costs no timer of its own, since a timer
 * that is due too early only looks again.
 */
export class PhaseClock {
  readonly #expired: () => void;
  #limitAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  /** The present phase ends at this time of `performance.now()`. */
  until(limitAt: number): void {
    this.#limitAt = limitAt;
    if (limitAt < this.#timerAt - slackMs) this.#arm(limitAt);
  }

  /** No phase is under way. */
  rest(): void {
    this.#limitAt = Number.POSITIVE_INFINITY;
  }

  stop(): void {
    this.rest();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const waitMs = Math.min(2_147_483_647, Math.max(1, Math.ceil(at - performance.now())));
    this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  #look(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (this.#limitAt === Number.POSITIVE_INFINITY) return;
    if (performance.now() >= this.#limitAt) this.#expired();
    else this.#arm(this.#limitAt);
  }
}
