/**
 * What a server's clock shows, by one's own: each answer that carries the server's time says that it lay between asking and
 * reading. Where an answer was read late, those before it still tell how old it is.
 */

/** Two clocks drift apart by so much at most, as a share of the time. */
const drift = 0.0005;

export class ServerClock {
  /** Own time less the server's: between these, µs. */
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;
  #atUs = 0;

  /** An answer with the server's time, asked for and read at these own times, µs. */
  sample(askedUs: number, serverUs: number, readUs: number): void {
    const widerUs = Math.max(0, readUs - this.#atUs) * drift;
    this.#atUs = readUs;
    this.#least = Math.max(this.#least - widerUs, askedUs - serverUs);
    this.#most = Math.min(this.#most + widerUs, readUs - serverUs);
    // One of the clocks was set.
    if (this.#least <= this.#most) return;
    this.#least = askedUs - serverUs;
    this.#most = readUs - serverUs;
  }

  /** The latest own time that the server's may have been, µs. After a sample only. */
  latest(serverUs: number): number {
    return serverUs + this.#most;
  }

  /** How much earlier than `latest` it may have been, µs. */
  get doubtUs(): number {
    return this.#most - this.#least;
  }
}
