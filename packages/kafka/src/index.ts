/**
 * Kafka and Avro in one: the only package that knows kafkajs.
 *
 *   const kafka = await connectKafka(kafkaOptionsOf(config, 'router', logger));
 *   await kafka.registerSchemas();                       // needed before anything is encoded
 *   await kafka.createTopics({ partitions: 4, replicationFactor: 1 });
 *
 *   const producer = await kafka.producer();
 *   await producer.send('MessageEvent', topics.events, { key: event.message_id, value: event });
 *
 *   const consumer = await kafka.windowedConsumer({
 *     group: 'delivery-batch', topics: ['mail.batch.gmail'], record: 'DeliveryTask',
 *     handler: async (held) => { await deliver(held.value, held.lost); held.complete(); },
 *   });
 *   await consumer.stop();
 *
 *   const table = await kafka.followedTable({ topic: topics.suppressions, record: 'Suppression', onChange });
 *   await table.caughtUp();
 *   await kafka.stop();
 *
 * Topic and group names are always without the installation's prefix.
 */
export { type KafkaSettings, kafkaOptionsOf } from './configured-options.ts';
export { connectKafka } from './connect-kafka.ts';
export type {
  Assignment,
  ConsumerStats,
  PartitionStats,
  WindowedConsumer,
  WindowedConsumerOptions,
} from './consumer-options.ts';
export { deadLetterHeaders } from './dead-letter.ts';
export type {
  DeadLetterCount,
  DeadLetters,
  ReadLetter,
  Replay,
  ReplaySelection,
} from './dead-letters.ts';
export { enqueueDelayed, type RecordToDelay } from './delayed.ts';
export * from './errors.ts';
export type { FollowedTable, FollowedTableOptions } from './followed-table.ts';
export type { Held, RecordHandler } from './held.ts';
export type { ClusterFacts, Codec, Kafka, KafkaOptions, TopicLag, TopicOptions } from './kafka.ts';
export type { KafkaLogger } from './log.ts';
export type { BytesToSend, Producer, ProducerOptions, RecordToSend } from './producer.ts';
export {
  contextOf,
  type HeadersToSend,
  type RecordHeaders,
  spanContextOf,
  withTraceparent,
} from './record-headers.ts';
export type { RetentionAlarm } from './retention.ts';
export { subjects } from './subjects.ts';
export type { ReadRecord, Tail, TailOptions } from './tail.ts';
