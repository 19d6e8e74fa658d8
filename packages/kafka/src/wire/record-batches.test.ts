/** Our record batches and kafkajs's are the same ones, in both directions. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import type { KafkaMessage, Message } from 'kafkajs';
import { codecOf, type ProduceOrder } from './kafkajs-internals.ts';
import { encodeProduceRequest } from './produce.ts';
import { decodeBatches, type RecordRun, type WireRecord } from './record-batch-decoder.ts';
import { prepareBatch } from './record-batch-encoder.ts';
import { waitingMemory } from './wire-memory.ts';

const require = createRequire(import.meta.url);
const Decoder: new (bytes: Buffer) => object = require('kafkajs/src/protocol/decoder.js');
interface TheirBatch {
  readonly records: readonly KafkaMessage[];
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly maxTimestamp: string;
  readonly lastOffsetDelta: number;
}
const theirDecode: (
  decoder: object,
) => Promise<TheirBatch> = require('kafkajs/src/protocol/recordBatch/v0/decoder.js');
const theirRequest: (order: ProduceOrder) => {
  encode(): Promise<{ readonly buffer: Buffer }>;
} = require('kafkajs/src/protocol/requests/produce/v7/request.js');

const origin = { producerId: 4_611_686_018, producerEpoch: 3, firstSequence: 2_000_000 };
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const message: fc.Arbitrary<Message> = fc.record({
  key: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), bytes(40)),
  value: fc.oneof(
    fc.constant(null),
    bytes(300),
    fc.nat(9_000).map((size) => Buffer.alloc(size, 7)),
  ),
  timestamp: fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }).map(String),
  headers: fc.dictionary(
    fc
      .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 })
      .filter((name) => !(name in Object.prototype)),
    fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), bytes(80)),
    { maxKeys: 4, noNullPrototype: true },
  ),
});
const messages = fc.array(message, { minLength: 1, maxLength: 12 });
const compression = fc.constantFrom(0, 1);

const buffer = (value: string | Buffer | null | undefined): Buffer | null =>
  value === null || value === undefined ? null : Buffer.from(value);

const expected = (sent: readonly Message[]): readonly WireRecord[] =>
  sent.map(({ key, value, timestamp, headers }, offset) => ({
    offset,
    timestamp: Number(timestamp),
    key: buffer(key),
    value: buffer(value),
    headers: Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, one]) => [
        name,
        typeof one === 'string' || Buffer.isBuffer(one) ? Buffer.from(one) : Buffer.alloc(0),
      ]),
    ),
  }));

const plain = ({ headers, ...record }: WireRecord): WireRecord => ({ ...record, headers: { ...headers } });

function allOf(run: RecordRun): readonly WireRecord[] {
  const records: WireRecord[] = [];
  for (let record = run.takeOwn(); record !== undefined; record = run.takeOwn()) records.push(plain(record));
  return records;
}

/** Overwrites what waiting records have left behind, as the next ones would. */
function overwriteLeft(sizes: readonly number[]): void {
  const again = sizes.map((size) => waitingMemory.take(size).fill(0xee));
  for (const bytes of again) waitingMemory.giveBack(bytes);
}

async function encoded(sent: readonly Message[], type: number): Promise<Buffer> {
  const batch = await prepareBatch(sent, type, codecOf(type), 0);
  const written = Buffer.alloc(batch.bytes + 4);
  assert.equal(batch.writeTo(written, 4, origin), written.length);
  return written.subarray(4);
}

test('what we encode, kafkajs decodes to what was sent, under the same producer, epoch and sequence', async () => {
  await fc.assert(
    fc.asyncProperty(messages, compression, async (sent, type) => {
      const batch = await encoded(sent, type);
      assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)));
      const theirs = await theirDecode(new Decoder(batch));
      assert.deepEqual(
        [theirs.producerId, theirs.producerEpoch, theirs.firstSequence, theirs.lastOffsetDelta],
        [String(origin.producerId), origin.producerEpoch, origin.firstSequence, sent.length - 1],
      );
      assert.equal(Number(theirs.maxTimestamp), Math.max(...sent.map(({ timestamp }) => Number(timestamp))));
      assert.deepEqual(
        theirs.records.map(({ offset, timestamp, key, value, headers }) => ({
          offset: Number(offset),
          timestamp: Number(timestamp),
          key,
          value,
          headers: { ...headers },
        })),
        expected(sent).map((record) => ({ ...record, headers: { ...record.headers } })),
      );
    }),
    { numRuns: 200 },
  );
});

test('what we encode, we decode, from any offset on and up to where it is cut off', async () => {
  await fc.assert(
    fc.asyncProperty(messages, compression, fc.nat(12), fc.nat(400), async (sent, type, from, cut) => {
      const batch = await encoded(sent, type);
      const all = await decodeBatches(
        Buffer.concat([batch, batch.subarray(0, batch.length - 1 - cut)]),
        from,
        [],
      );
      assert.equal(all.lastOffset, sent.length - 1);
      assert.deepEqual(allOf(all), expected(sent).slice(from));
    }),
    { numRuns: 200 },
  );
});

test('records that wait may be copied at any moment; the response is given back once, and what was taken stays', async () => {
  await fc.assert(
    fc.asyncProperty(messages, compression, fc.nat(30), fc.nat(12), async (sent, type, kept, skipped) => {
      const batch = await encoded(sent, type);
      const response = Buffer.concat([batch, batch]);
      let returned = 0;
      const run = await decodeBatches(response, 0, [], () => {
        returned += 1;
        response.fill(0xff);
      });
      const wanted = [...expected(sent), ...expected(sent)];
      const read: WireRecord[] = [];
      const skips = Math.min(skipped, wanted.length);
      for (let index = 0; index < skips; index += 1) run.skip();
      assert.equal(run.left, wanted.length - skips);
      for (let index = 0; index < kept; index += 1) {
        const record = run.takeOwn();
        if (record !== undefined) read.push(record);
      }
      run.keep();
      assert.equal(returned, 1);
      read.push(...allOf(run));
      overwriteLeft([batch.length, batch.length, 2 * batch.length]);
      assert.deepEqual(read.map(plain), wanted.slice(skips));
      assert.deepEqual([run.left, run.bytesLeft, run.nextOffset, returned], [0, 0, undefined, 1]);
    }),
    { numRuns: 200 },
  );
});

test('the response of records that nobody wants any more is given back too, once', async () => {
  const message = { key: 'k', value: Buffer.alloc(9_000, 7) };
  const batch = await encoded([message, message], 0);
  let returned = 0;
  const read = async () => decodeBatches(batch, 0, [], () => (returned += 1));
  const untouched = await read();
  untouched.discard();
  untouched.discard();
  assert.deepEqual(
    [returned, untouched.takeOwn(), untouched.left, untouched.bytesLeft],
    [1, undefined, 0, 0],
  );
  const waiting = await read();
  waiting.takeOwn();
  waiting.keep();
  waiting.discard();
  assert.deepEqual([returned, waiting.takeOwn()], [2, undefined]);
  const empty = await decodeBatches(Buffer.alloc(0), 0, [], () => (returned += 1));
  assert.deepEqual([returned, empty.left], [3, 0]);
});

test('an uncompressed request is kafkajs’s own, byte for byte', async () => {
  const partition = fc.record({ partition: fc.nat(3), firstSequence: fc.nat(9), messages });
  const topic = fc.record({
    topic: fc.constantFrom('a', 'mail.ü'),
    partitions: fc.array(partition, { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(topic, { minLength: 1, maxLength: 3 }), async (topicData) => {
      const order: ProduceOrder = {
        topicData,
        producerId: '77',
        producerEpoch: 1,
        acks: -1,
        timeout: 5_000,
        compression: 0,
      };
      const { buffer: theirs } = await theirRequest(order).encode();
      assert.ok((await encodeProduceRequest(order, 0)).equals(theirs));
    }),
    { numRuns: 200 },
  );
});

test('records of an aborted transaction and control records are left out', async () => {
  const one = async (baseOffset: number, producerId: number, attributes: number): Promise<Buffer> => {
    const batch = await encoded([{ key: 'k', value: Buffer.from(`${baseOffset}`) }], 0);
    batch.writeUInt32BE(baseOffset, 4);
    batch.writeInt16BE(attributes, 21);
    batch.writeBigInt64BE(BigInt(producerId), 43);
    return batch;
  };
  const [transactional, control] = [0x10, 0x30];
  const log = Buffer.concat([
    await one(0, 5, transactional),
    await one(1, 6, transactional),
    await one(2, 5, control),
    await one(3, 5, transactional),
    await one(4, 7, 0),
    await one(5, 6, control),
  ]);
  const read = await decodeBatches(log, 0, [{ producerId: 5, firstOffset: 0 }]);
  assert.deepEqual(
    allOf(read).map(({ offset }) => offset),
    [1, 3, 4],
  );
  assert.equal(read.lastOffset, 5);
});
