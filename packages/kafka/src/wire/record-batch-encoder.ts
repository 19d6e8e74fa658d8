/**
 * Records to a record batch (format 2) in one pass into memory of its exact size; kafkajs takes an encoder object, and a
 * growing buffer, for each field of each record.
 */
import { crc32c } from '@node-rs/crc32';
import type { Message } from 'kafkajs';
import type { CompressionCodec } from './kafkajs-internals.ts';
import { WireWriter } from './wire-writer.ts';

/** Who writes it, as far as the broker recognises a repeat by it. */
export interface BatchOrigin {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

/** A batch whose records are measured, perhaps compressed, and that is yet to be written. */
export interface PreparedBatch {
  /** Of the whole batch, from its base offset on. */
  readonly bytes: number;
  /** Writes it; returns where it ends. */
  readonly writeTo: (buffer: Buffer, at: number, origin: BatchOrigin) => number;
}

const headBytes = 61;
/** Where the length of the batch has been read, where its sum is, and from where on it counts. */
const lengthEnd = 12;
const crcAt = 17;
const attributesAt = 21;

/**
 * Measures the records of one partition. `codec` null: not compressed. Records without a timestamp are of `now`, ms since
 * the epoch.
 */
export async function prepareBatch(
  messages: readonly Message[],
  compression: number,
  codec: CompressionCodec | null,
  now: number,
): Promise<PreparedBatch> {
  const shape = shapeOf(messages, now);
  if (codec === null)
    return {
      bytes: headBytes + shape.recordsBytes,
      writeTo: (buffer, at, origin) => {
        writeRecords(buffer, at + headBytes, messages, shape);
        return finish(buffer, at, headBytes + shape.recordsBytes, compression, shape, origin);
      },
    };
  const plain = Buffer.allocUnsafe(shape.recordsBytes);
  writeRecords(plain, 0, messages, shape);
  const compressed = await codec.compress({ buffer: plain });
  return {
    bytes: headBytes + compressed.length,
    writeTo: (buffer, at, origin) => {
      compressed.copy(buffer, at + headBytes);
      return finish(buffer, at, headBytes + compressed.length, compression, shape, origin);
    },
  };
}

interface Shape {
  /** ms since the epoch, of each record. */
  readonly timestamps: readonly number[];
  readonly firstTimestamp: number;
  readonly maxTimestamp: number;
  /** Bytes of each record, without its own length. */
  readonly sizes: readonly number[];
  readonly recordsBytes: number;
}

function shapeOf(messages: readonly Message[], now: number): Shape {
  const timestamps = messages.map(({ timestamp }) => (timestamp === undefined ? now : Number(timestamp)));
  let firstTimestamp = timestamps[0] ?? now;
  let maxTimestamp = firstTimestamp;
  for (const timestamp of timestamps) {
    if (timestamp < firstTimestamp) firstTimestamp = timestamp;
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
  }
  const sizes: number[] = [];
  let recordsBytes = 0;
  for (const [index, { key, value, headers }] of messages.entries()) {
    let size =
      1 +
      varintBytes((timestamps[index] ?? now) - firstTimestamp) +
      varintBytes(index) +
      fieldBytes(key ?? null) +
      fieldBytes(value);
    let headerCount = 0;
    for (const name in headers) {
      for (const one of valuesOf(headers[name])) {
        headerCount += 1;
        size += fieldBytes(name) + fieldBytes(one);
      }
    }
    size += varintBytes(headerCount);
    sizes.push(size);
    recordsBytes += varintBytes(size) + size;
  }
  return { timestamps, firstTimestamp, maxTimestamp, sizes, recordsBytes };
}

type Field = string | Buffer | null;
type HeaderValue = NonNullable<Message['headers']>[string];

const single: [Field] = [null];

/** Each value of a header. The array of a single one is the next call's too. */
function valuesOf(value: HeaderValue): readonly Field[] {
  if (Array.isArray(value)) return value;
  single[0] = value ?? null;
  return single;
}

function fieldBytes(field: Field): number {
  if (field === null) return 1;
  const length = typeof field === 'string' ? Buffer.byteLength(field) : field.length;
  return varintBytes(length) + length;
}

/** Of a zigzag varint. */
function varintBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let bytes = 1;
  while (rest >= 128) {
    rest = Math.floor(rest / 128);
    bytes += 1;
  }
  return bytes;
}

function writeVarint(buffer: Buffer, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let to = at;
  while (rest >= 128) {
    buffer[to++] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  buffer[to++] = rest;
  return to;
}

function writeField(buffer: Buffer, at: number, field: Field): number {
  if (field === null) return writeVarint(buffer, at, -1);
  if (typeof field === 'string') {
    const from = writeVarint(buffer, at, Buffer.byteLength(field));
    return from + buffer.write(field, from);
  }
  const from = writeVarint(buffer, at, field.length);
  buffer.set(field, from);
  return from + field.length;
}

function writeRecords(buffer: Buffer, start: number, messages: readonly Message[], shape: Shape): void {
  let at = start;
  for (const [index, { key, value, headers }] of messages.entries()) {
    at = writeVarint(buffer, at, shape.sizes[index] ?? 0);
    buffer[at] = 0; // attributes
    at = writeVarint(buffer, at + 1, (shape.timestamps[index] ?? 0) - shape.firstTimestamp);
    at = writeVarint(buffer, at, index);
    at = writeField(buffer, at, key ?? null);
    at = writeField(buffer, at, value);
    let headerCount = 0;
    for (const name in headers) headerCount += valuesOf(headers[name]).length;
    at = writeVarint(buffer, at, headerCount);
    for (const name in headers) {
      for (const one of valuesOf(headers[name])) {
        at = writeField(buffer, at, name);
        at = writeField(buffer, at, one);
      }
    }
  }
}

/** The head, and the sum over all that follows it. */
function finish(
  buffer: Buffer,
  at: number,
  bytes: number,
  compression: number,
  shape: Shape,
  origin: BatchOrigin,
): number {
  const head = new WireWriter(buffer, at);
  head.int64(0); // base offset: the broker's
  head.int32(bytes - lengthEnd);
  head.int32(0); // leader epoch
  head.int8(2); // format
  head.int32(0); // the sum: below
  head.int16(compression);
  head.int32(shape.sizes.length - 1);
  head.int64(shape.firstTimestamp);
  head.int64(shape.maxTimestamp);
  head.int64(origin.producerId);
  head.int16(origin.producerEpoch);
  head.int32(origin.firstSequence);
  head.int32(shape.sizes.length);
  buffer.writeUInt32BE(crc32c(buffer.subarray(at + attributesAt, at + bytes)), at + crcAt);
  return at + bytes;
}
