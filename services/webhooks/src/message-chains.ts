/**
 * Events of one endpoint that are in hand, by message. Of a message only the first ones are given out, and nothing more
 * of it until what came of them is known.
 */
import type { QueuedEvent } from './queued-event.ts';

interface Chain {
  events: QueuedEvent[];
  /** The first of them are in a request. */
  given: number;
}

export class MessageChains {
  readonly #chains = new Map<string, Chain>();
  /** Messages of which something may be given out, in the order in which they came. */
  readonly #ready = new Set<string>();
  #readyEvents = 0;

  /** Events that may be given out. */
  get readyEvents(): number {
    return this.#readyEvents;
  }

  /** When the first of those came into hand; undefined: there is none. */
  get firstReady(): QueuedEvent | undefined {
    const [messageId] = this.#ready;
    return messageId === undefined ? undefined : this.#chains.get(messageId)?.events[0];
  }

  get size(): number {
    let size = 0;
    for (const { events } of this.#chains.values()) size += events.length;
    return size;
  }

  /** Ids of the events of a message that are in hand. */
  idsOf(messageId: string): ReadonlySet<string> {
    return new Set(this.#chains.get(messageId)?.events.map(({ id }) => id));
  }

  add(event: QueuedEvent): void {
    const chain = this.#chains.get(event.messageId) ?? { events: [], given: 0 };
    this.#chains.set(event.messageId, chain);
    chain.events.push(event);
    if (chain.given > 0) return;
    this.#ready.add(event.messageId);
    this.#readyEvents += 1;
  }

  /** Gives out events, at most as many and as long as `limits` of the first one says. */
  take(
    limits: (first: QueuedEvent) => { readonly events: number; readonly bytes: number },
  ): readonly QueuedEvent[] {
    const taken: QueuedEvent[] = [];
    let limit: { readonly events: number; readonly bytes: number } | undefined;
    let bytes = 0;
    for (const messageId of this.#ready) {
      const chain = this.#chains.get(messageId);
      const [first] = chain?.events ?? [];
      if (chain === undefined || first === undefined) continue;
      const own = limits(first);
      limit ??= own;
      // Those that come back for the third time are not posted with those that are new.
      if (own.events !== limit.events) continue;
      let given = 0;
      for (const event of chain.events) {
        const fits =
          taken.length < limit.events && (taken.length === 0 || bytes + event.json.length <= limit.bytes);
        if (!fits) break;
        taken.push(event);
        bytes += event.json.length;
        given += 1;
      }
      if (given === 0) break;
      chain.given = given;
      this.#ready.delete(messageId);
      this.#readyEvents -= chain.events.length;
      if (taken.length >= limit.events) break;
    }
    return taken;
  }

  /** These are through; of their messages what is behind them, and what was given out with them, may be given out. */
  finish(done: readonly QueuedEvent[]): void {
    const through = new Set(done);
    for (const messageId of new Set(done.map((event) => event.messageId))) {
      const chain = this.#chains.get(messageId);
      if (chain === undefined) continue;
      chain.events = chain.events.filter((event) => !through.has(event));
      this.#offer(messageId, chain);
    }
  }

  /** They were given out and are not posted: they may be given out again. */
  giveBack(events: readonly QueuedEvent[]): void {
    for (const messageId of new Set(events.map((event) => event.messageId))) {
      const chain = this.#chains.get(messageId);
      if (chain !== undefined && chain.given > 0) this.#offer(messageId, chain);
    }
  }

  /** They are put off, and with them everything that is behind them; the result is all of that, message by message. */
  putOff(events: readonly QueuedEvent[]): ReadonlyMap<string, readonly QueuedEvent[]> {
    const all = new Map<string, readonly QueuedEvent[]>();
    for (const messageId of new Set(events.map((event) => event.messageId))) {
      all.set(messageId, this.#chains.get(messageId)?.events ?? []);
      this.#chains.delete(messageId);
    }
    return all;
  }

  #offer(messageId: string, chain: Chain): void {
    chain.given = 0;
    if (chain.events.length === 0) {
      this.#chains.delete(messageId);
      return;
    }
    this.#ready.add(messageId);
    this.#readyEvents += chain.events.length;
  }
}
