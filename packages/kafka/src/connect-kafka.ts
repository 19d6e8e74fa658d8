/** Kafka, the registry and the codec in one object. */
import type { Admin } from 'kafkajs';
import { AvroCodec } from './avro-codec.ts';
import { BatchingProducer } from './batching-producer.ts';
import { readClusterFacts, readLag } from './cluster.ts';
import { createClient } from './connection.ts';
import { DeadLetterBox } from './dead-letter-box.ts';
import { KafkaUnavailableError } from './errors.ts';
import { failureOf } from './failure.ts';
import { GroupConsumer } from './group-consumer.ts';
import type { Kafka, KafkaOptions } from './kafka.ts';
import { silentLogger } from './log.ts';
import type { ProducerOptions } from './producer.ts';
import { startFollowedTable, startTail } from './readers.ts';
import { readRetention } from './retention.ts';
import { createSchemaRegistry, registerSubjects } from './schema-registry.ts';
import { createTopics } from './topics.ts';

/** How long a replayed record waits for its acknowledgement, ms. */
const replayTimeoutMs = 30_000;

/** Connects lazily: a producer, a consumer or a question opens the connections that it needs. */
export async function connectKafka(options: KafkaOptions): Promise<Kafka> {
  const prefix = options.topicPrefix ?? '';
  const logger = options.logger ?? silentLogger;
  const client = createClient(options);
  const registry = createSchemaRegistry(options.registry);
  const codec = new AvroCodec(registry, logger);
  const running = new Set<{ stop(): Promise<void> }>();

  let connectedAdmin: Promise<Admin> | undefined;
  const admin = (): Promise<Admin> => {
    connectedAdmin ??= (async () => {
      const made = client.admin();
      try {
        await made.connect();
        return made;
      } catch (error) {
        connectedAdmin = undefined;
        throw new KafkaUnavailableError(
          `No Kafka broker at ${options.brokers.join(', ')}: ${failureOf(error).error.message}`,
          { cause: error },
        );
      }
    })();
    return connectedAdmin;
  };

  const makeProducer = async (producerOptions?: ProducerOptions): Promise<BatchingProducer> => {
    const producer = new BatchingProducer(client, codec, prefix, logger, producerOptions);
    running.add(producer);
    await producer.start();
    return producer;
  };
  let deadLetterWriter: Promise<BatchingProducer> | undefined;
  const deadLetterProducer = (): Promise<BatchingProducer> => {
    deadLetterWriter ??= makeProducer();
    return deadLetterWriter;
  };
  const parts = { kafka: client, admin, codec, prefix, logger, producer: deadLetterProducer };

  const kept = <T extends { stop(): Promise<void> }>(started: T): T => {
    running.add(started);
    return started;
  };
  let replays: Promise<BatchingProducer> | undefined;
  const deadLetters = new DeadLetterBox({
    ...parts,
    producer: () => {
      replays ??= makeProducer({ timeoutMs: replayTimeoutMs });
      return replays;
    },
  });
  /** What an admin call throws, as our error. */
  const asked = async <T>(question: (admin: Admin) => Promise<T>): Promise<T> => {
    const connected = await admin();
    try {
      return await question(connected);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw error;
      throw new KafkaUnavailableError(`Kafka does not answer: ${failure.error.message}`, { cause: error });
    }
  };

  return {
    codec,
    async registerSchemas() {
      codec.learn(await registerSubjects(registry, prefix));
    },
    createTopics: (topicOptions) => asked((connected) => createTopics(connected, prefix, topicOptions)),
    producer: makeProducer,
    async windowedConsumer(consumerOptions) {
      const consumer = kept(new GroupConsumer(parts, consumerOptions));
      await consumer.start();
      return consumer;
    },
    tail: async (tailOptions) => kept(await startTail(parts, tailOptions)),
    followedTable: async (tableOptions) => kept(await startFollowedTable(parts, tableOptions)),
    deadLetters,
    lag: (filter = {}) => asked((connected) => readLag(connected, prefix, filter)),
    retention: (share, now) => asked((connected) => readRetention(connected, prefix, share, now)),
    clusterFacts: () => asked((connected) => readClusterFacts(connected, prefix)),
    async stop() {
      // Consumers first: what they finish may still want the producer.
      const all = [...running];
      running.clear();
      await Promise.all(all.filter((one) => !(one instanceof BatchingProducer)).map((one) => one.stop()));
      await Promise.all(all.filter((one) => one instanceof BatchingProducer).map((one) => one.stop()));
      if (connectedAdmin !== undefined) await (await connectedAdmin).disconnect();
      connectedAdmin = undefined;
    },
  };
}
