/**
 * Who must not be sent to, in memory, for tens of millions of addresses: a 64-bit fingerprint, an expiry and a byte of
 * facts per entry in typed arrays, no objects and no strings.
 *
 * Memory: 13 bytes a slot, between 53 % and 80 % of the slots used, so 16 to 25 bytes an entry (and both tables for the
 * moment of a growth). A foreign address is taken for a suppressed one with a probability of entries / 2^64: one lookup
 * in 1.8 * 10^11 at 100 million entries.
 */
import { type Stream, streams } from './stream.ts';

/** Why an address is suppressed. */
export type SuppressionReason = 'manual' | 'bounce' | 'complaint' | 'unsubscribe';

const reasons: readonly SuppressionReason[] = ['manual', 'bounce', 'complaint', 'unsubscribe'];

/** The reason of a record: a name that is not known counts as manual. */
export const suppressionReason = (name: string): SuppressionReason =>
  reasons.find((reason) => reason === name) ?? 'manual';

/** What is kept of a suppression. */
export interface SuppressionFacts {
  readonly reason: SuppressionReason;
  /** Streams that it applies to; empty: all. Names that are no streams count for nothing. */
  readonly streams: readonly string[];
  /** ms since the epoch, kept to the second, rounded up; null: never. */
  readonly expiresAt: number | null;
}

const maxLoad = 0.8;
const growth = 1.5;
const smallest = 64;
const streamBits = streams.length;
const allStreams = (1 << streamBits) - 1;

interface Table {
  readonly slots: number;
  readonly high: Uint32Array;
  /** With `high` both zero: the slot is empty. */
  readonly low: Uint32Array;
  /** Seconds since the epoch; 0: never. */
  readonly expiry: Uint32Array;
  /** Stream mask in the low bits, reason above. */
  readonly facts: Uint8Array;
}

const newTable = (slots: number): Table => ({
  slots,
  high: new Uint32Array(slots),
  low: new Uint32Array(slots),
  expiry: new Uint32Array(slots),
  facts: new Uint8Array(slots),
});

const home = (table: Table, high: number): number => Math.floor((high / 0x1_0000_0000) * table.slots);

/** Slot of the fingerprint, or the empty one where it would go. */
const locate = (table: Table, high: number, low: number): number => {
  let slot = home(table, high);
  for (;;) {
    const h = table.high[slot];
    const l = table.low[slot];
    if ((h === high && l === low) || (h === 0 && l === 0)) return slot;
    slot = slot + 1 === table.slots ? 0 : slot + 1;
  }
};

const isEmpty = (table: Table, slot: number): boolean => table.high[slot] === 0 && table.low[slot] === 0;

const move = (from: Table, fromSlot: number, to: Table, toSlot: number): void => {
  to.high[toSlot] = from.high[fromSlot] ?? 0;
  to.low[toSlot] = from.low[fromSlot] ?? 0;
  to.expiry[toSlot] = from.expiry[fromSlot] ?? 0;
  to.facts[toSlot] = from.facts[fromSlot] ?? 0;
};

/** Suppressions of all tenants. Addresses are in the form of `suppressionAddress`; `@example.com` is a whole domain. */
export class SuppressionIndex {
  readonly #seed: number;
  #table = newTable(smallest);
  #size = 0;
  #high = 0;
  #low = 0;

  /** `seed`: any 32-bit number, secret to the process, so that nobody can choose addresses that collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Entries, expired ones included. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of the arrays. */
  get bytes(): number {
    return this.#table.slots * 13;
  }

  /** Adds or replaces. */
  set(tenant: string, address: string, facts: SuppressionFacts): void {
    let mask = 0;
    streams.forEach((stream, bit) => {
      if (facts.streams.includes(stream)) mask |= 1 << bit;
    });
    if (facts.streams.length === 0) mask = allStreams;
    this.#fingerprint(tenant, address);
    let slot = locate(this.#table, this.#high, this.#low);
    if (isEmpty(this.#table, slot)) {
      if (this.#size + 1 > this.#table.slots * maxLoad) {
        this.#grow();
        slot = locate(this.#table, this.#high, this.#low);
      }
      this.#table.high[slot] = this.#high;
      this.#table.low[slot] = this.#low;
      this.#size++;
    }
    this.#table.expiry[slot] = facts.expiresAt === null ? 0 : Math.max(1, Math.ceil(facts.expiresAt / 1_000));
    this.#table.facts[slot] = mask | (reasons.indexOf(facts.reason) << streamBits);
  }

  /** Removes; false when it was not there. */
  delete(tenant: string, address: string): boolean {
    this.#fingerprint(tenant, address);
    const table = this.#table;
    let hole = locate(table, this.#high, this.#low);
    if (isEmpty(table, hole)) return false;
    this.#size--;
    // What follows in the same run moves back over the hole, unless it already stands between its home and the hole.
    let slot = hole;
    for (;;) {
      slot = slot + 1 === table.slots ? 0 : slot + 1;
      if (isEmpty(table, slot)) break;
      const from = home(table, table.high[slot] ?? 0);
      const staysReachable = hole <= slot ? from > hole && from <= slot : from > hole || from <= slot;
      if (staysReachable) continue;
      move(table, slot, table, hole);
      hole = slot;
    }
    table.high[hole] = 0;
    table.low[hole] = 0;
    return true;
  }

  /** Why the tenant must not send to this address, or to its whole domain, on this stream; undefined: it may. */
  find(tenant: string, address: string, stream: Stream, now: number): SuppressionReason | undefined {
    if (this.#size === 0) return undefined;
    return (
      this.#lookup(tenant, address, stream, now) ??
      this.#lookup(tenant, address.slice(address.lastIndexOf('@')), stream, now)
    );
  }

  #lookup(tenant: string, address: string, stream: Stream, now: number): SuppressionReason | undefined {
    this.#fingerprint(tenant, address);
    const slot = locate(this.#table, this.#high, this.#low);
    if (isEmpty(this.#table, slot)) return undefined;
    const facts = this.#table.facts[slot] ?? 0;
    if ((facts & (1 << streams.indexOf(stream))) === 0) return undefined;
    const expiry = this.#table.expiry[slot] ?? 0;
    if (expiry !== 0 && expiry * 1_000 <= now) return undefined;
    return reasons[facts >> streamBits];
  }

  #grow(): void {
    const old = this.#table;
    const table = newTable(Math.ceil(old.slots * growth));
    for (let slot = 0; slot < old.slots; slot++) {
      if (isEmpty(old, slot)) continue;
      move(old, slot, table, locate(table, old.high[slot] ?? 0, old.low[slot] ?? 0));
    }
    this.#table = table;
  }

  /** Two multiply-xor lanes over tenant, a separator and address, finished as MurmurHash3 does. */
  #fingerprint(tenant: string, address: string): void {
    let a = this.#seed ^ 0xdeadbeef;
    let b = this.#seed ^ 0x41c6ce57;
    for (let index = 0; index < tenant.length; index++) {
      const unit = tenant.charCodeAt(index);
      a = Math.imul(a ^ unit, 0x9e3779b1);
      b = Math.imul(b ^ unit, 0x5f356495);
    }
    a = Math.imul(a ^ 0x10000, 0x9e3779b1);
    b = Math.imul(b ^ 0x10000, 0x5f356495);
    for (let index = 0; index < address.length; index++) {
      const unit = address.charCodeAt(index);
      a = Math.imul(a ^ unit, 0x9e3779b1);
      b = Math.imul(b ^ unit, 0x5f356495);
      a ^= a >>> 15;
      b ^= b >>> 13;
    }
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
    b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
    this.#high = (a ^ (a >>> 16)) >>> 0;
    this.#low = (b ^ (b >>> 16)) >>> 0;
    if (this.#high === 0 && this.#low === 0) this.#low = 1;
  }
}
