/** Where a domain's mail goes right now: its exchangers, best first, remembered as long as DNS allows. */
import { allowsMx, type DnsResolver, type MxHost, type StsPolicies, type StsPolicy } from '@millrace/smtp';

/**
 * The servers that take a message: domains with the same exchangers, to be spoken to in the same way, share it, and so its
 * connections.
 */
export interface Destination {
  readonly key: string;
  readonly hosts: readonly MxHost[];
  /** Only over TLS with a certificate that verifies, because the domains' policies say so (RFC 8461 5). */
  readonly verifiedTls: boolean;
}

/** What is known of a domain. */
export type DomainMail =
  | { readonly kind: 'destination'; readonly destination: Destination }
  /** Its policy names none of its exchangers: either of them is wrong, or somebody meddles with DNS (RFC 8461 5.1). */
  | { readonly kind: 'no_allowed_host'; readonly reason: string }
  /** It takes no mail (RFC 7505), or does not exist. */
  | { readonly kind: 'null_mx' }
  | { readonly kind: 'no_domain' }
  | { readonly kind: 'temporary'; readonly reason: string };

interface Entry {
  readonly mail: DomainMail;
  /** Whether its policy was looked for. */
  readonly byPolicy: boolean;
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
  readonly #policies: Pick<StsPolicies, 'find'>;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<DomainMail>>();

  constructor(
    resolver: Pick<DnsResolver, 'resolve'>,
    policies: Pick<StsPolicies, 'find'>,
    now: () => number,
  ) {
    this.#resolver = resolver;
    this.#policies = policies;
    this.#now = now;
  }

  /** What is remembered and fresh; undefined: `find` has to ask. `byPolicy`: as the domain's MTA-STS policy wants it. */
  known(domain: string, byPolicy: boolean, now: number): DomainMail | undefined {
    const entry = this.#entries.get(domain);
    return entry === undefined || entry.freshUntil <= now || entry.byPolicy !== byPolicy
      ? undefined
      : entry.mail;
  }

  /** Never rejects for an answer that DNS gives. */
  find(domain: string, byPolicy: boolean): Promise<DomainMail> {
    const key = byPolicy ? domain : `${domain} without policy`;
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const asked = this.#ask(domain, byPolicy).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asked);
    return asked;
  }

  async #ask(domain: string, byPolicy: boolean): Promise<DomainMail> {
    const [answer, policy] = await Promise.all([
      this.#resolver.resolve(domain),
      byPolicy ? this.#policies.find(domain) : undefined,
    ]);
    const now = this.#now();
    switch (answer.kind) {
      case 'temporary': {
        const known = this.#entries.get(domain);
        return known?.byPolicy === byPolicy && known.freshUntil + staleMs > now ? known.mail : answer;
      }
      case 'mx': {
        const ttlMs = Math.min(longestTtlMs, Math.max(shortestTtlMs, answer.ttl * 1_000));
        const mail = mailOf(domain, answer.hosts, policy);
        return this.#remember(domain, { mail, byPolicy, freshUntil: now + ttlMs });
      }
      default:
        return this.#remember(domain, { mail: answer, byPolicy, freshUntil: now + negativeTtlMs });
    }
  }

  #remember(domain: string, entry: Entry): DomainMail {
    this.#entries.delete(domain);
    this.#entries.set(domain, entry);
    if (this.#entries.size > maxDomains) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return entry.mail;
  }
}

const mailOf = (domain: string, hosts: readonly MxHost[], policy: StsPolicy | undefined): DomainMail => {
  // `testing` asks for reports to the domain, not for anything else of the delivery.
  if (policy?.mode !== 'enforce') {
    return { kind: 'destination', destination: { key: keyOf(hosts), hosts, verifiedTls: false } };
  }
  const allowed = hosts.filter(({ exchange }) => allowsMx(policy, exchange));
  if (allowed.length === 0) {
    const names = hosts.map(({ exchange }) => exchange).join(', ');
    const reason = `The MTA-STS policy of ${domain} names none of its mail servers (${names}).`;
    return { kind: 'no_allowed_host', reason };
  }
  const key = `${keyOf(allowed)} by verified TLS`;
  return { kind: 'destination', destination: { key, hosts: allowed, verifiedTls: true } };
};

const keyOf = (hosts: readonly MxHost[]): string =>
  hosts
    .map(({ exchange, preference }) => `${preference} ${exchange}`)
    .sort()
    .join(',');
