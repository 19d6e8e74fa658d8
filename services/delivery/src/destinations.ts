/** Where a domain's mail goes right now: its exchangers, best first, remembered as long as DNS allows. */
import type { DnsResolver, MxHost } from '@millrace/smtp';

/** The servers that take a message: domains with the same exchangers share it, and so its connections. */
export interface Destination {
  readonly key: string;
  readonly hosts: readonly MxHost[];
}

/** What is known of a domain. */
export type DomainMail =
  | { readonly kind: 'destination'; readonly destination: Destination }
  /** It takes no mail (RFC 7505), or does not exist. */
  | { readonly kind: 'null_mx' }
  | { readonly kind: 'no_domain' }
  | { readonly kind: 'temporary'; readonly reason: string };

interface Entry {
  readonly mail: DomainMail;
  readonly freshUntil: number;
}

const shortestTtlMs = 10_000;
const longestTtlMs = 3_600_000;
const negativeTtlMs = 300_000;
/** What was known serves this long past its time while DNS does not answer (RFC 8767). */
const staleMs = 86_400_000;
const maxDomains = 50_000;

/** Asks once per domain however many messages wait; bounded. */
export class Destinations {
  readonly #resolver: Pick<DnsResolver, 'resolve'>;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<DomainMail>>();

  constructor(resolver: Pick<DnsResolver, 'resolve'>, now: () => number) {
    this.#resolver = resolver;
    this.#now = now;
  }

  /** What is remembered and fresh; undefined: `find` has to ask. */
  known(domain: string, now: number): DomainMail | undefined {
    const entry = this.#entries.get(domain);
    return entry === undefined || entry.freshUntil <= now ? undefined : entry.mail;
  }

  /** Never rejects for an answer that DNS gives. */
  find(domain: string): Promise<DomainMail> {
    const pending = this.#pending.get(domain);
    if (pending !== undefined) return pending;
    const asked = this.#ask(domain).finally(() => this.#pending.delete(domain));
    this.#pending.set(domain, asked);
    return asked;
  }

  async #ask(domain: string): Promise<DomainMail> {
    const answer = await this.#resolver.resolve(domain);
    const now = this.#now();
    switch (answer.kind) {
      case 'temporary': {
        const known = this.#entries.get(domain);
        return known !== undefined && known.freshUntil + staleMs > now ? known.mail : answer;
      }
      case 'mx': {
        const ttlMs = Math.min(longestTtlMs, Math.max(shortestTtlMs, answer.ttl * 1_000));
        return this.#remember(domain, mailOf(answer.hosts), now + ttlMs);
      }
      default:
        return this.#remember(domain, answer, now + negativeTtlMs);
    }
  }

  #remember(domain: string, mail: DomainMail, freshUntil: number): DomainMail {
    this.#entries.delete(domain);
    this.#entries.set(domain, { mail, freshUntil });
    if (this.#entries.size > maxDomains) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return mail;
  }
}

const mailOf = (hosts: readonly MxHost[]): DomainMail => {
  const key = hosts
    .map(({ exchange, preference }) => `${preference} ${exchange}`)
    .sort()
    .join(',');
  return { kind: 'destination', destination: { key, hosts } };
};
