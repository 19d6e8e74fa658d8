/** Kafka for the length of one command. */

import { topics } from '@millrace/core';
import {
  connectKafka,
  type Kafka,
  KafkaRefusedError,
  KafkaUnavailableError,
  kafkaOptionsOf,
} from '@millrace/kafka';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './context.ts';
import { askRegistry } from './registry-client.ts';

/** Connects, checks that this installation's topics are there, and stops in the end. Throws CliError. */
export async function withKafka<T>(context: CommandContext, use: (kafka: Kafka) => Promise<T>): Promise<T> {
  const { config } = context.installation();
  const kafka = await connectKafka(kafkaOptionsOf(config, 'cli'));
  try {
    const facts = await kafka.clusterFacts();
    if (!facts.topics.includes(topics.events)) throw noTopics(config.kafka);
    return await use(kafka);
  } catch (error) {
    throw kafkaProblem(error);
  } finally {
    await kafka.stop();
  }
}

/** The same, for commands that read records: without the registry nothing can be decoded. */
export async function withRecords<T>(context: CommandContext, use: (kafka: Kafka) => Promise<T>): Promise<T> {
  await askRegistry(context.installation().config.registry, '/subjects');
  return withKafka(context, use);
}

const noTopics = (kafka: { readonly brokers: readonly string[]; readonly topic_prefix: string }): CliError =>
  new CliError(
    'not_found',
    'ERR_NO_TOPICS',
    `The cluster at ${kafka.brokers.join(', ')} has no topic ${kafka.topic_prefix}${topics.events}.`,
    { hint: 'Check kafka.topic_prefix (MILLRACE_TOPIC_PREFIX), or create the topics first: npm start does.' },
  );

/** Errors of the Kafka package as ours. */
export function kafkaProblem(error: unknown): unknown {
  if (error instanceof KafkaUnavailableError) {
    return new CliError('unreachable', error.code, sentence(error.message), {
      hint: 'Check kafka.brokers or KAFKA_BROKERS, and that the brokers run.',
      cause: error,
    });
  }
  if (error instanceof KafkaRefusedError)
    return new CliError('refused', error.code, sentence(error.message), { cause: error });
  return error;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
