/** What an installation needs before its services start: every topic and every schema. Safe to repeat. */
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { loadConfig } from '@millrace/service';

export interface SetUpOptions {
  readonly configurationFile: string;
  /** Settings that win over the file's. Default: this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Creates the topics that are missing and registers the schemas.
 * Throws ConfigError, KafkaUnavailableError, RegistryUnavailableError, SchemaIncompatibleError.
 */
export async function setUp({ configurationFile, env = process.env }: SetUpOptions): Promise<void> {
  const config = loadConfig({ file: configurationFile, env });
  const kafka = await connectKafka(kafkaOptionsOf(config, 'setup'));
  try {
    await Promise.all([
      kafka.createTopics({
        partitions: config.kafka.partitions,
        realtimePartitions: config.kafka.realtime_partitions,
        replicationFactor: config.kafka.replication_factor,
      }),
      kafka.registerSchemas(),
    ]);
  } finally {
    await kafka.stop();
  }
}
