/** How a worker comes by the tokens of a shared bucket: how many it asks for, and when again. All times by its own clock, µs. */
import type { RateLimit } from './shaping.ts';
import { sharedRate } from './shared-lane.ts';
import { TokenHand } from './token-hand.ts';
import type { TurnRequest } from './token-turn.ts';

/** Tokens of so long a time are asked for at once at most, s. */
const mostAtOnceSeconds = 0.1;
/** Of the consumption estimate, s. */
const demandSeconds = 0.5;
/** For so long after it found none tokens count as short, µs. */
const shortMemoryUs = 200_000;
/** Tokens are granted that become free before the answer is here, and in any case within this, µs. */
const leastAheadUs = 5_000;
const mostAheadUs = 500_000;
/** Of what could be used in time so much is asked for. */
const caution = 0.7;

export interface TokenAnswer {
  readonly askedUs: number;
  readonly readUs: number;
  readonly granted: number;
  /** When the bucket decided, at the latest. */
  readonly grantedUs: number;
  /** How much earlier that may have been, µs. */
  readonly doubtUs: number;
  /** As of the grant: until the first token may be used, until it is worth asking again, µs. */
  readonly waitUs: number;
  readonly againUs: number;
}

export class TokenTaker {
  readonly #hand = new TokenHand();
  #notBeforeUs = Number.NEGATIVE_INFINITY;
  #roundTripUs = 0;
  /** Tokens a second, lately. */
  #demand = 0;
  #usedUs: number;
  #shortUs = Number.NEGATIVE_INFINITY;

  constructor(nowUs: number) {
    this.#usedUs = nowUs;
  }

  /** Tokens that were not used in time. */
  get lost(): number {
    return this.#hand.lost;
  }

  /** Tokens that may still be used, now or later. */
  get left(): number {
    return this.#hand.left;
  }

  /** Up to `want` tokens, to be used now. */
  take(nowUs: number, want: number): number {
    const taken = this.#hand.take(nowUs, want);
    if (taken > 0) this.used(nowUs, taken);
    return taken;
  }

  /** Tokens that came another way were used. */
  used(nowUs: number, tokens: number): void {
    const elapsed = Math.max(0, nowUs - this.#usedUs) / 1_000_000;
    this.#demand = this.#demand * Math.exp(-elapsed / demandSeconds) + tokens / demandSeconds;
    this.#usedUs = nowUs;
  }

  /** Tokens of the last `take` that were not used after all. */
  giveBack(nowUs: number, tokens: number): void {
    this.#hand.giveBack(nowUs, tokens);
  }

  /** What to ask the bucket for when `want` could be used; undefined: it is not worth asking yet. */
  request(nowUs: number, limit: RateLimit, want: number): TurnRequest | undefined {
    if (nowUs < this.#notBeforeUs) return undefined;
    const most = Math.max(1, Math.floor(limit.perSecond * mostAtOnceSeconds));
    const size = Math.min(most, Math.max(1, want, this.#usable(nowUs, limit)));
    return {
      want: size,
      enough: Math.max(1, Math.min(size, Math.floor(sharedRate(limit).burst / 3))),
      aheadUs: Math.min(mostAheadUs, Math.max(leastAheadUs, 2 * this.#roundTripUs)),
    };
  }

  /** While tokens go fast the next ones are asked for before the last is gone. */
  wantsRefill(nowUs: number, limit: RateLimit): boolean {
    const usable = this.#usable(nowUs, limit);
    return usable >= 2 && this.left <= usable / 3;
  }

  answered(limit: RateLimit, answer: TokenAnswer): void {
    const { askedUs, readUs, granted, grantedUs, doubtUs, waitUs, againUs } = answer;
    const tookUs = readUs - askedUs;
    this.#roundTripUs =
      this.#roundTripUs === 0 ? tookUs : this.#roundTripUs + (tookUs - this.#roundTripUs) / 8;
    const { intervalUs, delayUs } = sharedRate(limit);
    this.#notBeforeUs = grantedUs + againUs;
    this.#hand.add({
      firstUs: grantedUs + waitUs,
      grantedUs,
      tokens: granted,
      intervalUs,
      delayUs: delayUs - doubtUs,
    });
  }

  /** When to come again, after none was to be had. */
  foundNone(nowUs: number): number {
    this.#shortUs = nowUs;
    return this.#hand.dueUs ?? this.#notBeforeUs;
  }

  /** The limit is another one: what was granted under the old one is not used, and nobody waits for it. */
  clear(): void {
    this.#hand.clear();
    this.#notBeforeUs = Number.NEGATIVE_INFINITY;
  }

  /** Tokens of one call that will be used before they are too old. */
  #usable(nowUs: number, limit: RateLimit): number {
    // Also those that are used while the next answer is on its way.
    const forUs = caution * sharedRate(limit).delayUs + this.#roundTripUs;
    const isShort = nowUs - this.#shortUs < shortMemoryUs;
    const spare = isShort ? 1 : Math.max(0.01, 1 - this.#demand / limit.perSecond);
    return Math.floor((this.#demand * forUs) / 1_000_000 / spare);
  }
}
