/** How many mails a client address may send: a token bucket each, and few clients remembered. */
import { type GcraLimit, gcra } from '@millrace/core';

const maxClients = 10_000;
const minuteUs = 60_000_000;

export class ClientRate {
  readonly #limit: GcraLimit;
  readonly #fullAt = new Map<string, number>();

  constructor(perMinute: number) {
    this.#limit = { intervalUs: minuteUs / perMinute, burst: perMinute };
  }

  /** Takes one; false: too many. `now`: ms. */
  take(client: string, now: number): boolean {
    const nowUs = now * 1_000;
    const { granted, fullAt } = gcra(this.#fullAt.get(client) ?? nowUs, nowUs, this.#limit, 1);
    if (this.#fullAt.size >= maxClients && !this.#fullAt.has(client)) this.#fullAt.clear();
    this.#fullAt.set(client, fullAt);
    return granted === 1;
  }
}
