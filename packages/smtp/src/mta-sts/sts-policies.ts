import { domainToASCII } from 'node:url';
import type { DnsResolver } from '../dns/dns-resolver.ts';
import { Slots } from '../dns/slots.ts';
import type { PolicyFetch } from './fetch-policy.ts';
import { parseStsPolicy, type StsPolicy } from './sts-policy.ts';
import { policyIdIn } from './sts-record.ts';

/** A policy as it was fetched: what outlives a process. Times in ms since the epoch. */
export interface KeptPolicy {
  /** As DNS named it. */
  readonly id: string;
  /** Text of the policy file. */
  readonly file: string;
  readonly fetchedAt: number;
}

export interface StsPoliciesOptions {
  readonly resolver: Pick<DnsResolver, 'texts'>;
  readonly fetch: PolicyFetch;
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number;
  /** Told of each policy that was fetched, to be kept for `restore`. */
  readonly onFetched?: (domain: string, kept: KeptPolicy) => void;
  /** Told when a policy that a domain announces cannot be had. */
  readonly onFailure?: (domain: string, reason: string) => void;
}

interface Entry {
  readonly policy: StsPolicy | undefined;
  /** As DNS named it when it was fetched. */
  readonly id: string | undefined;
  readonly fetchedAt: number;
  readonly expiresAt: number;
  /** Nobody is asked again before, after a failure. */
  readonly retryAt: number;
}

/** RFC 8461 3.3: a failed fetch is not tried again within five minutes. */
const retryMs = 300_000;
/** RFC 8461 3.3: policies are refreshed before they end, about once a day. */
const refreshMs = 86_400_000;
const maxDomains = 20_000;
const maxFetches = 20;
const maxWaiting = 5_000;

const unknown: Entry = { policy: undefined, id: undefined, fetchedAt: 0, expiresAt: 0, retryAt: 0 };

const entryOf = (policy: StsPolicy, id: string, fetchedAt: number): Entry => ({
  policy,
  id,
  fetchedAt,
  expiresAt: fetchedAt + policy.maxAgeSeconds * 1_000,
  retryAt: 0,
});

/**
 * The MTA-STS policies of recipients' domains (RFC 8461), remembered for as long as each says, whatever DNS says in the
 * meantime: who cuts the record out of DNS does not cut out the policy. Who has none, or announces one that cannot be had
 * while none is remembered, is delivered to as if there were no such thing (RFC 8461 3.3). Bounded; one fetch a domain at
 * a time.
 */
export class StsPolicies {
  readonly #resolver: Pick<DnsResolver, 'texts'>;
  readonly #fetch: PolicyFetch;
  readonly #now: () => number;
  readonly #onFetched: (domain: string, kept: KeptPolicy) => void;
  readonly #onFailure: (domain: string, reason: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #fetching = new Map<string, Promise<void>>();
  readonly #slots = new Slots(maxFetches, maxWaiting);

  constructor(options: StsPoliciesOptions) {
    this.#resolver = options.resolver;
    this.#fetch = options.fetch;
    this.#now = options.now ?? Date.now;
    this.#onFetched = options.onFetched ?? (() => undefined);
    this.#onFailure = options.onFailure ?? (() => undefined);
  }

  /**
   * Takes up a policy that an earlier process fetched. False: its time is over. Throws StsPolicyError for one that is none.
   */
  restore(domain: string, { id, file, fetchedAt }: KeptPolicy): boolean {
    const entry = entryOf(parseStsPolicy(file), id, fetchedAt);
    if (entry.expiresAt <= this.#now()) return false;
    this.#keep(domain, entry);
    return true;
  }

  /** The policy in force for a domain; undefined: none. Never rejects. */
  async find(domain: string): Promise<StsPolicy | undefined> {
    const name = domainToASCII(domain.replace(/\.$/, '')).toLowerCase();
    if (name === '') return undefined;
    const entry = this.#entries.get(name) ?? unknown;
    if (this.#now() < entry.retryAt) return this.#inForce(name);
    const answer = await this.#resolver.texts(`_mta-sts.${name}`);
    const id = answer.kind === 'texts' ? policyIdIn(answer.texts) : undefined;
    if (id === undefined) return this.#inForce(name);
    const known = this.#inForce(name);
    if (known === undefined || entry.id !== id) await this.#refresh(name, id);
    else if (this.#now() - entry.fetchedAt > refreshMs) void this.#refresh(name, id);
    return this.#inForce(name);
  }

  #inForce(name: string): StsPolicy | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined || entry.expiresAt <= this.#now() ? undefined : entry.policy;
  }

  /** Never rejects. */
  #refresh(name: string, id: string): Promise<void> {
    const under = this.#fetching.get(name);
    if (under !== undefined) return under;
    const fetching = this.#fetched(name, id).finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, fetching);
    return fetching;
  }

  async #fetched(name: string, id: string): Promise<void> {
    const entry = this.#entries.get(name) ?? unknown;
    const free = await this.#slots.take();
    try {
      if (!free) throw new Error('too many policies are being fetched');
      const file = await this.#fetch(name);
      const fetchedAt = this.#now();
      this.#keep(name, entryOf(parseStsPolicy(file), id, fetchedAt));
      this.#onFetched(name, { id, file, fetchedAt });
    } catch (error) {
      this.#keep(name, { ...entry, retryAt: this.#now() + retryMs });
      this.#onFailure(name, error instanceof Error ? error.message : String(error));
    } finally {
      if (free) this.#slots.release();
    }
  }

  #keep(name: string, entry: Entry): void {
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (this.#entries.size <= maxDomains) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}
