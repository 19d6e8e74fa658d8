/**
 * A produce request (version 7), in place of kafkajs's `Broker.produce`: one Buffer, written once. Sequence numbers,
 * retries and what an answer means stay with kafkajs's producer.
 */
import {
  type Broker,
  brokerClass,
  codecOf,
  type ProduceOrder,
  produceResponse,
  sendTo,
} from './kafkajs-internals.ts';
import { type PreparedBatch, prepareBatch } from './record-batch-encoder.ts';
import { stringBytes, WireWriter } from './wire-writer.ts';

const produceKey = 0;
const produceVersion = 7;
const defaultTimeoutMs = 30_000;
/** Transactional id (null), acks, timeout, number of topics. */
const headBytes = 12;

/** Replaces it for all producers of this process; transactions, which we have none of, stay as they are. Call once. */
export function replaceProduce(): void {
  const { prototype } = brokerClass;
  const theirs = prototype.produce;
  prototype.produce = function produce(order) {
    return order.transactionalId ? theirs.call(this, order) : produceTo(this, order);
  };
}

async function produceTo(broker: Broker, order: ProduceOrder): Promise<unknown> {
  return sendTo(broker, {
    request: {
      apiKey: produceKey,
      apiVersion: produceVersion,
      apiName: 'Produce',
      expectResponse: () => order.acks !== 0,
      encode: async () => {
        const request = await encodeProduceRequest(order, Date.now());
        return { buf: request, buffer: request };
      },
    },
    response: produceResponse,
  });
}

/** Records without a timestamp are of `now`, ms since the epoch. */
export async function encodeProduceRequest(order: ProduceOrder, now: number): Promise<Buffer> {
  const compression = order.compression ?? 0;
  const codec = codecOf(compression);
  const producerId = Number(order.producerId);
  const { producerEpoch } = order;
  const batches: PreparedBatch[] = [];
  let bytes = headBytes;
  for (const { topic, partitions } of order.topicData) {
    bytes += stringBytes(topic) + 4;
    for (const { messages } of partitions) {
      const batch = await prepareBatch(messages, compression, codec, now);
      batches.push(batch);
      bytes += 8 + batch.bytes;
    }
  }
  const to = new WireWriter(Buffer.allocUnsafe(bytes));
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
