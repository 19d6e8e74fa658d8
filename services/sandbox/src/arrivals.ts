/** When a mail arrived. */
export interface Arrival {
  /** Epoch ms with microseconds. */
  readonly at: number;
  readonly isp: string;
  readonly to: string;
  readonly message_id: string;
}

/** The last arrivals, also where no mail is kept: what a benchmark needs to know latencies. Bounded. */
export class Arrivals {
  readonly #limit: number;
  readonly #times: Float64Array;
  readonly #isps: string[] = [];
  readonly #recipients: string[] = [];
  readonly #ids: string[] = [];
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#times = new Float64Array(limit);
  }

  add(at: number, isp: string, to: string, messageId: string): void {
    if (this.#limit === 0) return;
    const slot = this.#count % this.#limit;
    this.#times[slot] = at;
    this.#isps[slot] = isp;
    this.#recipients[slot] = to;
    this.#ids[slot] = messageId;
    this.#count++;
  }

  /** Oldest first. `after` skips what arrived at or before this time. */
  *list(after = 0): Generator<Arrival> {
    for (let index = Math.max(0, this.#count - this.#limit); index < this.#count; index++) {
      const slot = index % this.#limit;
      const at = this.#times[slot] ?? 0;
      if (at <= after) continue;
      yield {
        at,
        isp: this.#isps[slot] ?? '',
        to: this.#recipients[slot] ?? '',
        message_id: this.#ids[slot] ?? '',
      };
    }
  }

  clear(): void {
    this.#count = 0;
    this.#isps.length = 0;
    this.#recipients.length = 0;
    this.#ids.length = 0;
  }
}
