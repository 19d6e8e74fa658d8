/**
 * A set of 64-bit fingerprints with four bits of facts each, for tens of millions of them: eight bytes a slot in typed
 * arrays, and eight more bits of a fingerprint in which of 256 segments it is. A segment grows by itself, so that nothing is
 * ever copied but a 256th, and is between 78 % and 88 % full. Its memory is reserved and grows in place: arrays that are made
 * anew at each growth leave three times as much behind. Entries that end have four bytes more.
 */
import type { Fingerprint } from './fingerprint.ts';

const segments = 256;
const smallest = 16;
const growth = 1.125;
const maxLoad = 0.88;
/** Of a segment: together a thousand million. */
const mostSlots = 4_194_304;
/** Of the second word of a slot: 24 bits of the fingerprint above, then one that says that it is taken, facts below. */
const fingerprintMask = 0xffff_ff00 | 0;
const takenBit = 0x80;
const factsMask = 0x0f;

type Words = Uint32Array<ArrayBuffer>;

interface Segment {
  slots: number;
  size: number;
  readonly high: Words;
  readonly low: Words;
  /** Seconds since the epoch; only in a table whose entries end. */
  readonly expiry: Words | undefined;
}

const segmentOf = (low: number): number => low & 0xff;
const homeOf = (slots: number, high: number): number => Math.floor((high / 0x1_0000_0000) * slots);
const isTaken = (word: number): boolean => (word & takenBit) !== 0;

/** Slot of the fingerprint, or the empty one where it would go. */
const locate = (segment: Segment, high: number, low: number): number => {
  const { slots, high: highs, low: lows } = segment;
  const wanted = low & fingerprintMask;
  let slot = homeOf(slots, high);
  for (;;) {
    const word = lows[slot] ?? 0;
    if (!isTaken(word) || (highs[slot] === high && (word & fingerprintMask) === wanted)) return slot;
    slot = slot + 1 === slots ? 0 : slot + 1;
  }
};

const copy = (from: Segment, fromSlot: number, to: Segment, toSlot: number): void => {
  to.high[toSlot] = from.high[fromSlot] ?? 0;
  to.low[toSlot] = from.low[fromSlot] ?? 0;
  if (to.expiry !== undefined) to.expiry[toSlot] = from.expiry?.[fromSlot] ?? 0;
};

export class FingerprintTable {
  readonly #ending: boolean;
  readonly #segments: (Segment | undefined)[] = Array.from({ length: segments }, () => undefined);
  #size = 0;

  /** `ending`: entries have an end. */
  constructor(ending: boolean) {
    this.#ending = ending;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of the arrays. */
  get bytes(): number {
    const perSlot = this.#ending ? 12 : 8;
    return this.#segments.reduce((sum, segment) => sum + (segment?.slots ?? 0) * perSlot, 0);
  }

  /** Adds or replaces. `facts`: 0 to 15. `expiry`: seconds since the epoch, where entries end. */
  set({ high, low }: Fingerprint, facts: number, expiry: number): void {
    const segment = this.#segments[segmentOf(low)] ?? this.#begin(segmentOf(low), smallest);
    let slot = locate(segment, high, low);
    if (!isTaken(segment.low[slot] ?? 0)) {
      if (segment.size + 1 > segment.slots * maxLoad) {
        this.#grow(segment);
        slot = locate(segment, high, low);
      }
      segment.size++;
      this.#size++;
    }
    segment.high[slot] = high;
    segment.low[slot] = (low & fingerprintMask) | takenBit | (facts & factsMask);
    if (segment.expiry !== undefined) segment.expiry[slot] = expiry;
  }

  /** Removes; false when it was not there. */
  delete({ high, low }: Fingerprint): boolean {
    const segment = this.#segments[segmentOf(low)];
    if (segment === undefined) return false;
    let hole = locate(segment, high, low);
    if (!isTaken(segment.low[hole] ?? 0)) return false;
    segment.size--;
    this.#size--;
    // What follows in the same run moves back over the hole, unless it already stands between its home and the hole.
    let slot = hole;
    for (;;) {
      slot = slot + 1 === segment.slots ? 0 : slot + 1;
      if (!isTaken(segment.low[slot] ?? 0)) break;
      const from = homeOf(segment.slots, segment.high[slot] ?? 0);
      const staysReachable = hole <= slot ? from > hole && from <= slot : from > hole || from <= slot;
      if (staysReachable) continue;
      copy(segment, slot, segment, hole);
      hole = slot;
    }
    segment.high[hole] = 0;
    segment.low[hole] = 0;
    return true;
  }

  /** The facts of an entry that has not ended; -1: there is none. `now`: seconds since the epoch. */
  find({ high, low }: Fingerprint, now: number): number {
    const segment = this.#segments[segmentOf(low)];
    if (segment === undefined) return -1;
    const slot = locate(segment, high, low);
    const word = segment.low[slot] ?? 0;
    if (!isTaken(word) || (segment.expiry !== undefined && (segment.expiry[slot] ?? 0) <= now)) return -1;
    return word & factsMask;
  }

  /** The word of an entry that has one, ended or not; -1: there is none. */
  wordOf({ high, low }: Fingerprint): number {
    const segment = this.#segments[segmentOf(low)];
    if (segment === undefined) return -1;
    const slot = locate(segment, high, low);
    return isTaken(segment.low[slot] ?? 0) ? (segment.expiry?.[slot] ?? -1) : -1;
  }

  #begin(index: number, slots: number): Segment {
    const segment: Segment = {
      slots,
      size: 0,
      high: growing(slots),
      low: growing(slots),
      expiry: this.#ending ? growing(slots) : undefined,
    };
    this.#segments[index] = segment;
    return segment;
  }

  /** Everything is taken out, and put back into more room. */
  #grow(segment: Segment): void {
    const before = segment.slots;
    const [high, low] = [segment.high.slice(), segment.low.slice()];
    const expiry = segment.expiry?.slice();
    segment.slots = Math.min(mostSlots, Math.ceil(before * growth));
    if (segment.slots === before) throw new RangeError('A table of fingerprints is full.');
    for (const words of [segment.high, segment.low, segment.expiry]) {
      words?.buffer.resize(segment.slots * Uint32Array.BYTES_PER_ELEMENT);
      words?.fill(0);
    }
    for (let slot = 0; slot < before; slot++) {
      const word = low[slot] ?? 0;
      if (!isTaken(word)) continue;
      const to = locate(segment, high[slot] ?? 0, word);
      segment.high[to] = high[slot] ?? 0;
      segment.low[to] = word;
      if (segment.expiry !== undefined) segment.expiry[to] = expiry?.[slot] ?? 0;
    }
  }
}

/** Words in memory that can grow where it is. */
const growing = (slots: number): Words =>
  new Uint32Array(
    new ArrayBuffer(slots * Uint32Array.BYTES_PER_ELEMENT, {
      maxByteLength: mostSlots * Uint32Array.BYTES_PER_ELEMENT,
    }),
  );
