/**
 * A produce request (version 7), in place of kafkajs's `Broker.produce`: one Buffer, written once. Sequence numbers and
 * retries stay with kafkajs's producer.
 */
import { exchangeWith } from './exchange.ts';
import { type Broker, brokerClass, codecOf, type ProduceOrder } from './kafkajs-internals.ts';
import { decodeProduceResponse, type ProduceResponse } from './produce-response.ts';
import { type PreparedBatch, prepareBatch } from './record-batch-encoder.ts';
import { requestMemory } from './wire-memory.ts';
import { stringBytes, WireWriter } from './wire-writer.ts';

const produceKey = 0;
const produceVersion = 7;
const defaultTimeoutMs = 30_000;
/** Transactional id (null), acks, timeout, number of topics. */
const startBytes = 12;

/**
 * Replaces it for all producers of this process; transactions and requests without an answer, which we have none of, stay as
 * they are. Call once.
 */
export function replaceProduce(): void {
  const { prototype } = brokerClass;
  const theirs = prototype.produce;
  prototype.produce = function produce(order) {
    return order.transactionalId || order.acks === 0 ? theirs.call(this, order) : produceTo(this, order);
  };
}

async function produceTo(broker: Broker, order: ProduceOrder): Promise<ProduceResponse> {
  let written: Buffer | undefined;
  const response = await exchangeWith(broker, {
    request: { apiKey: produceKey, apiVersion: produceVersion, apiName: 'Produce' },
    encode: async (headBytes) => {
      written = await encodeProduceRequest(order, Date.now(), headBytes);
      return written;
    },
    decode: decodeProduceResponse,
  });
  // Where none came, the socket may still hold the request.
  if (written !== undefined) requestMemory.giveBack(written);
  return response;
}

/**
 * Records without a timestamp are of `now`, ms since the epoch. With `headBytes` free bytes before it.
 */
export async function encodeProduceRequest(order: ProduceOrder, now: number, headBytes = 0): Promise<Buffer> {
  const compression = order.compression ?? 0;
  const codec = codecOf(compression);
  const producerId = Number(order.producerId);
  const { producerEpoch } = order;
  const batches: PreparedBatch[] = [];
  let bytes = headBytes + startBytes;
  for (const { topic, partitions } of order.topicData) {
    bytes += stringBytes(topic) + 4;
    for (const { messages } of partitions) {
      const batch = await prepareBatch(messages, compression, codec, now);
      batches.push(batch);
      bytes += 8 + batch.bytes;
    }
  }
  const to = new WireWriter(requestMemory.take(bytes), headBytes);
  to.int16(-1); // no transactional id
  to.int16(order.acks);
  to.int32(order.timeout ?? defaultTimeoutMs);
  to.int32(order.topicData.length);
  let next = 0;
  for (const { topic, partitions } of order.topicData) {
    to.string(topic);
    to.int32(partitions.length);
    for (const { partition, firstSequence } of partitions) {
      const batch = batches[next];
      next += 1;
      if (batch === undefined) break;
      to.int32(partition);
      to.int32(batch.bytes);
      to.at = batch.writeTo(to.buffer, to.at, { producerId, producerEpoch, firstSequence });
    }
  }
  return to.buffer;
}
