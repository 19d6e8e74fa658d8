/**
 * Who must not be sent to, in memory, for tens of millions of addresses: a fingerprint of 64 bits and four bits of facts per
 * entry, no objects and no strings. Every process that decides has all of it, followed from mail.suppressions, so that no
 * decision waits for another process and none is different while one is away.
 *
 * Memory: 9 to 10 bytes an entry, 13 to 15 for one that expires. A foreign address is taken for a suppressed one with a
 * probability of entries / 2^64 a lookup: one in 1.8 * 10^11 at 100 million entries.
 */
import { type Fingerprint, fingerprint } from './fingerprint.ts';
import { FingerprintTable } from './fingerprint-table.ts';
import { type Stream, streams } from './stream.ts';

/** Why an address is suppressed. */
export type SuppressionReason = 'manual' | 'bounce' | 'complaint' | 'unsubscribe';

const reasons: readonly SuppressionReason[] = ['manual', 'bounce', 'complaint', 'unsubscribe'];

/** The reason of a record: a name that is not known counts as manual. */
export const suppressionReason = (name: string): SuppressionReason =>
  reasons.find((reason) => reason === name) ?? 'manual';

/**
 * The list of who wants no list at all. It is not the same as no list: an unsubscription from everything and a bounce of the
 * same address have keys of their own, so that neither replaces the other.
 */
export const everyList = '*';

/** What is kept of a suppression. */
export interface SuppressionFacts {
  readonly reason: SuppressionReason;
  /** Streams that it applies to; empty: all. Names that are no streams count for nothing. */
  readonly streams: readonly string[];
  /** ms since the epoch, kept to the second, rounded up; null: never. */
  readonly expiresAt: number | null;
  /** The list (category) that it applies to, or {@link everyList}. Default null: everything that the tenant sends. */
  readonly list?: string | null;
}

/** What is asked: may this message be sent? */
export interface SuppressionQuestion {
  readonly tenant: string;
  /** In the form of `suppressionAddress`. */
  readonly address: string;
  readonly stream: Stream;
  /** The message's list (category). */
  readonly list?: string | null;
}

const streamBits = streams.length;
const allStreams = (1 << streamBits) - 1;

const maskOf = (names: readonly string[]): number => {
  if (names.length === 0) return allStreams;
  let mask = 0;
  streams.forEach((stream, bit) => {
    if (names.includes(stream)) mask |= 1 << bit;
  });
  return mask;
};

/** Suppressions of all tenants. Addresses are in the form of `suppressionAddress`; `@example.com` is a whole domain. */
export class SuppressionIndex {
  readonly #seed: number;
  readonly #lasting = new FingerprintTable(false);
  readonly #ending = new FingerprintTable(true);
  readonly #print: Fingerprint = { high: 0, low: 0 };

  /** `seed`: any 32-bit number, secret to the process, so that nobody can choose addresses that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Entries, expired ones included. */
  get size(): number {
    return this.#lasting.size + this.#ending.size;
  }

  /** Bytes of the arrays. */
  get bytes(): number {
    return this.#lasting.bytes + this.#ending.bytes;
  }

  /** Adds or replaces. */
  set(tenant: string, address: string, facts: SuppressionFacts): void {
    const { expiresAt } = facts;
    const bits = maskOf(facts.streams) | (reasons.indexOf(facts.reason) << streamBits);
    this.#fingerprint(tenant, facts.list ?? '', address);
    if (expiresAt === null) {
      this.#ending.delete(this.#print);
      this.#lasting.set(this.#print, bits, 0);
    } else {
      this.#lasting.delete(this.#print);
      this.#ending.set(this.#print, bits, Math.max(1, Math.ceil(expiresAt / 1_000)));
    }
  }

  /** Removes; false when it was not there. */
  delete(tenant: string, address: string, list: string | null = null): boolean {
    this.#fingerprint(tenant, list ?? '', address);
    return this.#lasting.delete(this.#print) || this.#ending.delete(this.#print);
  }

  /** Why this must not be sent: to the address or to its whole domain, at all or on this list; undefined: it may. */
  find({ tenant, address, stream, list }: SuppressionQuestion, now: number): SuppressionReason | undefined {
    if (this.size === 0) return undefined;
    const domain = address.slice(address.lastIndexOf('@'));
    const general =
      this.#lookup(tenant, '', address, stream, now) ??
      this.#lookup(tenant, '', domain, stream, now) ??
      this.#lookup(tenant, everyList, address, stream, now);
    if (general !== undefined || list === undefined || list === null || list === '') return general;
    return (
      this.#lookup(tenant, list, address, stream, now) ?? this.#lookup(tenant, list, domain, stream, now)
    );
  }

  #lookup(
    tenant: string,
    list: string,
    address: string,
    stream: Stream,
    now: number,
  ): SuppressionReason | undefined {
    this.#fingerprint(tenant, list, address);
    const seconds = now / 1_000;
    let bits = this.#lasting.find(this.#print, seconds);
    if (bits === -1 && this.#ending.size > 0) bits = this.#ending.find(this.#print, seconds);
    if (bits === -1 || (bits & (1 << streams.indexOf(stream))) === 0) return undefined;
    return reasons[bits >> streamBits];
  }

  #fingerprint(tenant: string, list: string, address: string): void {
    fingerprint(this.#seed, tenant, list, address, this.#print);
  }
}
