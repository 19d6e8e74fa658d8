/**
 * How many messages of a lane may wait in a window that it shares with other lanes, and when those that find no room may
 * come back: both follow from the pace at which the lane gets rid of messages. Pure.
 */

/** Room is what goes out in so long, and never less than a fair share of the window. */
const roomMs = 3_000;
/** Messages a second: below it the pace is no longer told apart from standing still. */
const slowest = 0.1;
const soonestMs = 1_000;
const latestMs = 600_000;
/** Weight of the newest measure: a lane that has only begun, in a busy worker, is not taken for one that stands still. */
const smoothing = 0.5;

export class LaneRoom {
  #perSecond: number;
  #measuredAt: number;
  #sent = 0;
  #latest: number;
  #returnsAt = 0;

  /** `expectedPerSecond`: the pace until there is a measure. */
  constructor(expectedPerSecond: number, now: number) {
    this.#perSecond = expectedPerSecond;
    this.#latest = expectedPerSecond;
    this.#measuredAt = now;
  }

  /** Messages a second. */
  get pace(): number {
    return this.#perSecond;
  }

  /** Messages a second by the last measure alone. */
  get latestPace(): number {
    return this.#latest;
  }

  /**
   * Messages that may wait. `fairShare`: what every lane of the window may have whatever its pace. `falls`: it is known to be
   * slow, so that only the last measure counts.
   */
  room(fairShare: number, falls = false): number {
    const pace = falls ? Math.min(this.#latest, this.#perSecond) : this.#perSecond;
    return Math.max(fairShare, Math.round((pace * roomMs) / 1_000));
  }

  /** `sent`: messages sent since the lane began. While nothing waits, its pace says nothing of what it could do. */
  measure(sent: number, backlog: number, now: number): void {
    const seconds = (now - this.#measuredAt) / 1_000;
    if (seconds <= 0) return;
    const measured = (sent - this.#sent) / seconds;
    this.#sent = sent;
    this.#measuredAt = now;
    const isIdle = backlog === 0 && measured < this.#perSecond;
    this.#latest = isIdle ? this.#perSecond : measured;
    if (isIdle) return;
    this.#perSecond = Math.max(slowest, measured * smoothing + this.#perSecond * (1 - smoothing));
  }

  /**
   * When one more that found no room may come back, ms since the epoch: each in its turn. Where the turns reach too far
   * they begin again, so that nothing waits longer than ten minutes and not all come back together.
   */
  returnAt(backlog: number, now: number): number {
    const first = now + Math.min(latestMs / 2, Math.max(soonestMs, (backlog / this.#perSecond) * 1_000));
    const next = Math.max(this.#returnsAt, first) + 1_000 / this.#perSecond;
    this.#returnsAt = next > now + latestMs ? first : next;
    return this.#returnsAt;
  }
}
