/**
 * Record batches (format 2) to records, without an object for each field, a BigInt for each offset or a promise for each
 * batch, which is what it costs in kafkajs.
 */
import type { RecordHeaders } from '../record-headers.ts';
import type { AbortedTransaction } from './fetch-response.ts';
import { codecOf } from './kafkajs-internals.ts';
import { WireReader } from './wire-reader.ts';

/** A record as it was read. Key, value and headers are views of the response. */
export interface WireRecord {
  readonly offset: number;
  /** ms since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The last value of each name. */
  readonly headers: RecordHeaders;
}

/** What was read of one partition. */
export interface ReadBatches {
  readonly records: readonly WireRecord[];
  /** The last offset that the batches cover, records or not; -1: there is no whole batch. */
  readonly lastOffset: number;
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

/**
 * The records at or after `fromOffset`, without control records and what was aborted. A promise only where batches are
 * compressed. Throws kafkajs's KafkaJSNotImplemented for a codec that it has not.
 */
export function decodeBatches(
  bytes: Buffer,
  fromOffset: number,
  aborted: readonly AbortedTransaction[],
): ReadBatches | Promise<ReadBatches> {
  const heads = wholeBatches(bytes);
  const wanted = aborted.length === 0 ? heads.filter(isData) : withoutAborted(heads, aborted);
  const last = heads.at(-1);
  const lastOffset = last === undefined ? -1 : last.baseOffset + last.lastOffsetDelta;
  const records: WireRecord[] = [];
  if (wanted.every(({ attributes }) => (attributes & codecMask) === 0)) {
    for (const head of wanted) readRecords(new WireReader(bytes, head.from), head, fromOffset, records);
    return { records, lastOffset };
  }
  return (async () => {
    for (const head of wanted) {
      const codec = codecOf(head.attributes & codecMask);
      const reader =
        codec === null
          ? new WireReader(bytes, head.from)
          : new WireReader(await codec.decompress(bytes.subarray(head.from, head.to)));
      readRecords(reader, head, fromOffset, records);
    }
    return { records, lastOffset };
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

function readRecords(from: WireReader, head: BatchHead, fromOffset: number, records: WireRecord[]): void {
  const { baseOffset, baseTimestamp, maxTimestamp, count } = head;
  const appendTime = (head.attributes & logAppendTime) !== 0;
  for (let left = count; left > 0; left -= 1) {
    const length = from.varint();
    const end = from.at + length;
    from.skip(1); // attributes
    const timestampDelta = from.varint();
    const offset = baseOffset + from.varint();
    if (offset >= fromOffset) {
      records.push({
        offset,
        timestamp: appendTime ? maxTimestamp : baseTimestamp + timestampDelta,
        key: readBytes(from),
        value: readBytes(from),
        headers: readHeaders(from),
      });
    }
    from.at = end;
  }
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
