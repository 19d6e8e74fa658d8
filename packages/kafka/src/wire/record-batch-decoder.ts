/**
 * Record batches (format 2) to records, without an object for each field, a BigInt for each offset or a promise for each
 * batch, which is what it costs in kafkajs.
 */
import type { ReusedMemory } from '@millrace/core';
import type { RecordHeaders } from '../record-headers.ts';
import type { AbortedTransaction } from './fetch-response.ts';
import { codecOf } from './kafkajs-internals.ts';
import { waitingMemory } from './wire-memory.ts';
import { WireReader } from './wire-reader.ts';

/** A record as it was read. */
export interface WireRecord {
  readonly offset: number;
  /** ms since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The last value of each name. */
  readonly headers: RecordHeaders;
}

interface BatchHead {
  readonly baseOffset: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly count: number;
  /** Where its records begin, and where it ends. */
  readonly from: number;
  readonly to: number;
}

/** Bytes before and in the head of a batch. */
const lengthEnd = 12;
const headEnd = 61;
const codecMask = 0x07;
const logAppendTime = 0x08;
const transactional = 0x10;
const control = 0x20;
const noHeaders: RecordHeaders = Object.freeze({});
const noBytes = Buffer.alloc(0);

/** Records of one batch, as they are or decompressed. */
interface Section {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  readonly head: BatchHead;
  /** A view of the response, which it keeps in memory. */
  readonly borrowed: boolean;
}

/** Records of one partition, read one after the other as they are asked for: those that wait are bytes, not objects. */
export class RecordRun {
  /** The last offset that its batches cover, records or not; -1: there is no whole batch. */
  readonly lastOffset: number;
  readonly #fromOffset: number;
  #sections: readonly Section[];
  /** Index of the section that is being read. */
  #at = 0;
  #reader: WireReader;
  /** Records of this section behind the next one. */
  #behind: number;
  #left: number;
  #nextOffset: number | undefined;
  #timestamp = 0;
  /** Where the next record ends. */
  #end = 0;
  #returned: (() => void) | undefined;

  constructor(
    sections: readonly Section[],
    fromOffset: number,
    lastOffset: number,
    returned: (() => void) | undefined,
  ) {
    this.lastOffset = lastOffset;
    this.#fromOffset = fromOffset;
    this.#returned = returned;
    this.#sections = sections;
    const [first] = sections;
    this.#reader = new WireReader(first?.bytes ?? noBytes, first?.from);
    this.#behind = first?.head.count ?? 0;
    this.#left = sections.reduce((sum, { head }) => sum + head.count, 1);
    this.#advance();
  }

  /** Offset of the next record; undefined: there is none. */
  get nextOffset(): number | undefined {
    return this.#nextOffset;
  }

  /** Most bytes that the next record's value may have. */
  get nextBytes(): number {
    return this.#nextOffset === undefined ? 0 : this.#end - this.#reader.at;
  }

  /** Records that have not been taken. */
  get left(): number {
    return this.#left;
  }

  /** Their bytes. */
  get bytesLeft(): number {
    let sum = 0;
    for (let index = this.#at; index < this.#sections.length; index += 1) {
      const section = this.#sections[index];
      if (section !== undefined) sum += section.to - (index === this.#at ? this.#reader.at : section.from);
    }
    return sum;
  }

  /** The next record, of views: not of a run that `keep` was called of, or whose response is given back. */
  take(): WireRecord | undefined {
    if (this.#nextOffset === undefined) return undefined;
    return this.#read(this.#reader, this.#nextOffset);
  }

  /** The next record, of copies that do not keep the response or the rest of the run in memory: in `memory`, where given. */
  takeOwn(memory?: ReusedMemory): WireRecord | undefined {
    if (this.#nextOffset === undefined) return undefined;
    const view = this.#reader.bytes(this.#end - this.#reader.at);
    const bytes = memory?.take(view.length) ?? Buffer.allocUnsafe(view.length);
    view.copy(bytes);
    return this.#read(new WireReader(bytes), this.#nextOffset);
  }

  /** The value of the next record, a view that is good until the run goes on; empty where it has none. */
  peekValue(): Buffer {
    const { at } = this.#reader;
    this.#reader.skip(Math.max(0, this.#reader.varint()));
    const value = readBytes(this.#reader);
    this.#reader.at = at;
    return value ?? noBytes;
  }

  skip(): void {
    this.#advance();
  }

  /** Copies what has not been taken, so that the run does not keep all of the response in memory. */
  keep(): void {
    const coming = this.#sections.slice(this.#at);
    this.#sections = coming.map((section, index) => {
      if (!section.borrowed) return section;
      const from = index === 0 ? this.#reader.at : section.from;
      const bytes = waitingMemory.take(section.to - from);
      section.bytes.copy(bytes, 0, from, section.to);
      return { bytes, from: 0, to: bytes.length, head: section.head, borrowed: false };
    });
    const [first] = this.#sections;
    if (coming[0]?.borrowed === true && first !== undefined) {
      this.#end -= this.#reader.at;
      this.#reader = new WireReader(first.bytes);
    }
    this.#at = 0;
    this.#giveBack();
  }

  /** Nobody reads what is left. */
  discard(): void {
    this.#nextOffset = undefined;
    this.#left = 0;
    for (const section of this.#sections.slice(this.#at)) this.#readThrough(section);
    this.#sections = [];
    this.#giveBack();
  }

  /** The response, once nothing of it is needed any more. */
  #giveBack(): void {
    this.#returned?.();
    this.#returned = undefined;
  }

  #readThrough(section: Section | undefined): void {
    if (section?.borrowed === false) waitingMemory.giveBack(section.bytes);
  }

  #read(from: WireReader, offset: number): WireRecord {
    const record: WireRecord = {
      offset,
      timestamp: this.#timestamp,
      key: readBytes(from),
      value: readBytes(from),
      headers: readHeaders(from),
    };
    this.#advance();
    return record;
  }

  #advance(): void {
    if (this.#nextOffset !== undefined) this.#reader.at = this.#end;
    for (;;) {
      this.#left -= 1;
      while (this.#behind === 0) {
        this.#readThrough(this.#sections[this.#at]);
        this.#at += 1;
        const section = this.#sections[this.#at];
        if (section === undefined) {
          this.#nextOffset = undefined;
          this.#left = 0;
          this.#giveBack();
          return;
        }
        this.#reader = new WireReader(section.bytes, section.from);
        this.#behind = section.head.count;
      }
      const section = this.#sections[this.#at];
      if (section === undefined) return;
      const { head } = section;
      const reader = this.#reader;
      const length = reader.varint();
      const end = reader.at + length;
      reader.skip(1); // attributes
      const timestampDelta = reader.varint();
      const offset = head.baseOffset + reader.varint();
      this.#behind -= 1;
      if (offset < this.#fromOffset) {
        reader.at = end;
        continue;
      }
      this.#nextOffset = offset;
      this.#end = end;
      const appendTime = (head.attributes & logAppendTime) !== 0;
      this.#timestamp = appendTime ? head.maxTimestamp : head.baseTimestamp + timestampDelta;
      return;
    }
  }
}

/**
 * The records at or after `fromOffset`, without control records and what was aborted. A promise only where batches are
 * compressed. `returned` is called once, when the run looks at `bytes` no more. Throws kafkajs's KafkaJSNotImplemented for a
 * codec that it has not.
 */
export function decodeBatches(
  bytes: Buffer,
  fromOffset: number,
  aborted: readonly AbortedTransaction[],
  returned?: () => void,
): RecordRun | Promise<RecordRun> {
  const heads = wholeBatches(bytes);
  const wanted = aborted.length === 0 ? heads.filter(isData) : withoutAborted(heads, aborted);
  const last = heads.at(-1);
  const lastOffset = last === undefined ? -1 : last.baseOffset + last.lastOffsetDelta;
  const asTheyAre = (head: BatchHead): Section => ({
    bytes,
    from: head.from,
    to: head.to,
    head,
    borrowed: true,
  });
  if (wanted.every(({ attributes }) => (attributes & codecMask) === 0))
    return new RecordRun(wanted.map(asTheyAre), fromOffset, lastOffset, returned);
  return (async () => {
    const sections: Section[] = [];
    for (const head of wanted) {
      const codec = codecOf(head.attributes & codecMask);
      if (codec === null) {
        sections.push(asTheyAre(head));
        continue;
      }
      const plain = await codec.decompress(bytes.subarray(head.from, head.to));
      sections.push({ bytes: plain, from: 0, to: plain.length, head, borrowed: false });
    }
    return new RecordRun(sections, fromOffset, lastOffset, returned);
  })();
}

const isData = ({ attributes }: BatchHead): boolean => (attributes & control) === 0;

/** Up to the end, or to a batch that is cut off by the limit of the fetch. */
function wholeBatches(bytes: Buffer): readonly BatchHead[] {
  const heads: BatchHead[] = [];
  for (let at = 0; at + headEnd <= bytes.length; ) {
    const read = new WireReader(bytes, at);
    const baseOffset = read.int64();
    const to = at + lengthEnd + read.int32();
    if (to > bytes.length) break;
    read.skip(4); // leader epoch
    const magic = read.bytes(1)[0];
    if (magic !== 2)
      throw new RangeError(`Record batches of format ${magic} are not read, only those of format 2.`);
    read.skip(4); // CRC: the broker has checked it, and TCP since
    const attributes = read.int16();
    const lastOffsetDelta = read.int32();
    const baseTimestamp = read.int64();
    const maxTimestamp = read.int64();
    const producerId = read.int64();
    read.skip(6); // producer epoch, sequence
    const count = read.int32();
    const head = { baseOffset, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp, producerId, count };
    heads.push({ ...head, from: read.at, to });
    at = to;
  }
  return heads;
}

/** A producer's batches from the first offset of an aborted transaction up to the control batch that ends it go. */
function withoutAborted(
  heads: readonly BatchHead[],
  aborted: readonly AbortedTransaction[],
): readonly BatchHead[] {
  const coming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<number>();
  return heads.filter((head) => {
    while (coming[0] !== undefined && coming[0].firstOffset <= head.baseOffset + head.lastOffsetDelta)
      aborting.add(coming.shift()?.producerId ?? -1);
    if (isData(head)) return (head.attributes & transactional) === 0 || !aborting.has(head.producerId);
    aborting.delete(head.producerId);
    return false;
  });
}

function readBytes(from: WireReader): Buffer | null {
  const length = from.varint();
  return length < 0 ? null : from.bytes(length);
}

function readHeaders(from: WireReader): RecordHeaders {
  const count = from.varint();
  if (count === 0) return noHeaders;
  const headers: Record<string, Buffer> = {};
  for (let left = count; left > 0; left -= 1) {
    const name = from.bytes(from.varint()).toString();
    const value = readBytes(from);
    if (value !== null) headers[name] = value;
  }
  return headers;
}
