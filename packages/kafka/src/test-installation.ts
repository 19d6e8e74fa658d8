/** For tests: Kafka, registry and topics of one test file, under a prefix of their own, gone afterwards. */
import { randomUUID } from 'node:crypto';
import { connectKafka } from './connect-kafka.ts';
import { createClient } from './connection.ts';
import type { Kafka, KafkaOptions } from './kafka.ts';

export interface TestInstallation extends AsyncDisposable {
  readonly options: KafkaOptions;
  /** Another process's view of the same installation. Stopped with it. */
  connect(overrides?: Partial<KafkaOptions>): Promise<Kafka>;
}

/** The stack that the environment names. */
export function testStack(): { readonly brokers: readonly string[]; readonly registryUrl: string } {
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = process.env;
  if (!KAFKA_BROKERS || !SCHEMA_REGISTRY_URL)
    throw new Error('Run through `npm test`, or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL.');
  return { brokers: KAFKA_BROKERS.split(','), registryUrl: SCHEMA_REGISTRY_URL };
}

/** Creates the named topics of the system. */
export async function testInstallation(
  topics: readonly string[],
  partitions = 2,
): Promise<TestInstallation & { readonly kafka: Kafka }> {
  const { brokers, registryUrl } = testStack();
  const options: KafkaOptions = {
    brokers,
    clientId: 'test',
    topicPrefix: `test-${randomUUID().slice(0, 8)}.`,
    registry: { url: registryUrl },
  };
  const connected: Kafka[] = [];
  const connect = async (overrides: Partial<KafkaOptions> = {}): Promise<Kafka> => {
    const kafka = await connectKafka({ ...options, ...overrides });
    connected.push(kafka);
    return kafka;
  };
  const kafka = await connect();
  await Promise.all([
    kafka.registerSchemas(),
    kafka.createTopics({ partitions, replicationFactor: 1, only: topics }),
  ]);
  return {
    options,
    kafka,
    connect,
    async [Symbol.asyncDispose]() {
      await Promise.all(connected.map((one) => one.stop()));
      await deleteTopics(options);
    },
  };
}

/** Deletes every topic of an installation, whoever made it. Throws without a prefix: that would be all of the cluster. */
export async function deleteTopics(options: KafkaOptions): Promise<void> {
  const { topicPrefix: prefix } = options;
  if (!prefix) throw new TypeError('An installation without a prefix cannot be told from others.');
  const admin = createClient(options).admin();
  await admin.connect();
  try {
    const all = await admin.listTopics();
    await admin.deleteTopics({ topics: all.filter((topic) => topic.startsWith(prefix)) });
  } finally {
    await admin.disconnect();
  }
}

/** Waits for a condition that something else brings about; throws after 60 s. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come about within 60 s.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
