/** A lane's tokens for its message rate: asked for when mails could go out this moment, given back where they could not. */
import type { RateLimit } from '@millrace/core';
import type { TokenBuckets } from './redis/token-buckets.ts';

/** Mails are ready, and keep their memory, for so long at most while a token or a connection is waited for, ms. */
export const longestReadyMs = 1_000;

export interface LaneTokensParts {
  readonly buckets: TokenBuckets;
  readonly now: () => number;
  /** There are tokens, or other limits: what is ready may go out. */
  readonly granted: () => void;
  /** None before then, ms since the epoch. Told again when somebody asks for them sooner. */
  readonly waits: (until: number) => void;
}

export class LaneTokens {
  readonly #key: string;
  readonly #parts: LaneTokensParts;
  #limit: RateLimit | undefined;
  #available: number;
  #asking = false;
  /** When there may be some again, ms since the epoch. */
  #nextAt = 0;
  /** ms spent waiting for them while messages waited. */
  throttledMs = 0;

  constructor(key: string, limit: RateLimit | undefined, parts: LaneTokensParts) {
    this.#key = key;
    this.#limit = limit;
    this.#parts = parts;
    this.#available = limit === undefined ? Number.POSITIVE_INFINITY : 0;
  }

  /** Another rate from now on; undefined: none. */
  setLimit(limit: RateLimit | undefined): void {
    this.#parts.buckets.limitChanged(this.#key);
    this.#limit = limit;
    this.#available = limit === undefined ? Number.POSITIVE_INFINITY : 0;
    this.#nextAt = 0;
  }

  get throttled(): boolean {
    return this.#nextAt > 0 && this.#parts.now() < this.#nextAt;
  }

  /** It waits so long that nothing is worth being made ready. */
  get farAway(): boolean {
    return this.#nextAt > 0 && this.#nextAt - this.#parts.now() > longestReadyMs;
  }

  get available(): boolean {
    return this.#available >= 1;
  }

  spend(): void {
    this.#available -= 1;
  }

  /** Asks for tokens; `wanted`: how many mails could go out this moment. What `granted` leaves over goes back. */
  take(wanted: () => number): void {
    const limit = this.#limit;
    if (this.#asking || limit === undefined) return;
    if (this.throttled) {
      // A timer may be early by a fraction of a ms.
      this.#parts.waits(this.#nextAt);
      return;
    }
    const want = wanted();
    if (want < 1) return;
    this.#asking = true;
    const { buckets } = this.#parts;
    buckets.take(this.#key, limit, want).then(({ granted, waitMs }) => {
      this.#asking = false;
      if (this.#limit !== limit) {
        // Granted, or refused, under a limit that is no longer in force.
        this.#parts.granted();
        return;
      }
      if (granted === 0) {
        this.#throttle(waitMs);
        return;
      }
      this.#available += granted;
      this.#parts.granted();
      buckets.giveBack(this.#key, this.#available);
      this.#available = 0;
      this.take(wanted);
    });
  }

  /** Something will want a token soon: it is asked for together with whatever else Redis is asked. */
  foresee(wanted: () => boolean): void {
    if (this.#limit === undefined || this.#asking || this.throttled) return;
    if (wanted()) this.#parts.buckets.foresee(this.#key, this.#limit);
  }

  #throttle(waitMs: number): void {
    const ms = Math.max(1, waitMs);
    this.throttledMs += ms;
    this.#nextAt = this.#parts.now() + ms;
    this.#parts.waits(this.#nextAt);
  }
}
