/** Where a recipient domain's mail goes: its provider and site, remembered as long as DNS allows. */
import { type Isp, ispOf, siteOf } from '@millrace/core';

/** What DNS says of a domain; `ttl` in seconds. */
export type MxAnswer =
  | {
      readonly kind: 'mx';
      readonly hosts: readonly { readonly exchange: string; readonly preference: number }[];
      readonly ttl: number;
    }
  | { readonly kind: 'null_mx' }
  | { readonly kind: 'no_domain' }
  | { readonly kind: 'temporary'; readonly reason: string };

/** Asks DNS; never throws for an answer that DNS gives. */
export interface MxLookup {
  resolve(domain: string): Promise<MxAnswer>;
}

/** The mail of a domain goes to a site of a provider, or nowhere for good, or nobody knows right now. */
export type DomainRoute =
  | { readonly kind: 'route'; readonly isp: Isp; readonly site: string }
  | { readonly kind: 'null_mx' }
  | { readonly kind: 'no_domain' }
  | { readonly kind: 'temporary'; readonly reason: string };

interface Entry {
  readonly route: DomainRoute;
  readonly freshUntil: number;
}

const shortestTtlMs = 10_000;
const longestTtlMs = 3_600_000;
/** For answers that carry no time to live here: the domain does not exist, or receives no mail. */
const negativeTtlMs = 300_000;
/** A known route serves this long past its time while DNS does not answer (RFC 8767). */
const staleMs = 86_400_000;

export interface DomainRoutesOptions {
  readonly lookup: MxLookup;
  readonly maxEntries: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Bounded, least recently used out first; one lookup per domain however many messages wait for it. */
export class DomainRoutes {
  readonly #lookup: MxLookup;
  readonly #maxEntries: number;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<DomainRoute>>();
  #hits = 0;
  #misses = 0;

  constructor({ lookup, maxEntries, now }: DomainRoutesOptions) {
    this.#lookup = lookup;
    this.#maxEntries = maxEntries;
    this.#now = now;
  }

  /** Answers from memory, lookups needed, domains remembered, lookups under way. */
  stats(): {
    readonly hits: number;
    readonly misses: number;
    readonly entries: number;
    readonly pending: number;
  } {
    return {
      hits: this.#hits,
      misses: this.#misses,
      entries: this.#entries.size,
      pending: this.#pending.size,
    };
  }

  /** The remembered route; undefined: `resolve` has to ask. */
  known(domain: string): DomainRoute | undefined {
    const entry = this.#entries.get(domain);
    if (entry === undefined || entry.freshUntil <= this.#now()) return undefined;
    this.#hits++;
    // Re-inserted, so that a Map's insertion order is the order of use.
    this.#entries.delete(domain);
    this.#entries.set(domain, entry);
    return entry.route;
  }

  /** Asks DNS, together with everybody who asks meanwhile. */
  resolve(domain: string): Promise<DomainRoute> {
    const pending = this.#pending.get(domain);
    if (pending !== undefined) return pending;
    this.#misses++;
    const asked = this.#ask(domain).finally(() => this.#pending.delete(domain));
    this.#pending.set(domain, asked);
    return asked;
  }

  async #ask(domain: string): Promise<DomainRoute> {
    const answer = await this.#lookup.resolve(domain);
    const now = this.#now();
    if (answer.kind === 'temporary') {
      const stale = this.#entries.get(domain);
      return stale !== undefined && stale.freshUntil + staleMs > now ? stale.route : answer;
    }
    const route = routeOf(answer);
    const ttlMs =
      answer.kind === 'mx'
        ? Math.min(longestTtlMs, Math.max(shortestTtlMs, answer.ttl * 1_000))
        : negativeTtlMs;
    this.#remember(domain, { route, freshUntil: now + ttlMs });
    return route;
  }

  #remember(domain: string, entry: Entry): void {
    this.#entries.delete(domain);
    this.#entries.set(domain, entry);
    if (this.#entries.size <= this.#maxEntries) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }
}

const routeOf = (answer: Exclude<MxAnswer, { kind: 'temporary' }>): DomainRoute => {
  if (answer.kind !== 'mx') return answer;
  const hosts = answer.hosts.toSorted((a, b) => a.preference - b.preference).map((host) => host.exchange);
  return { kind: 'route', isp: ispOf(hosts), site: siteOf(hosts) };
};
