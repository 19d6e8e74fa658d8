/** From the configuration's `kafka` and `registry` parts to this package's options. */
import { readFileSync } from 'node:fs';
import type { KafkaOptions } from './kafka.ts';
import type { KafkaLogger } from './log.ts';

/** The parts of the configuration that say where Kafka and the registry are. */
export interface KafkaSettings {
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly topic_prefix: string;
    readonly tls?:
      | boolean
      | {
          readonly ca_file?: string;
          readonly cert_file?: string;
          readonly key_file?: string;
          readonly reject_unauthorized: boolean;
        };
    readonly sasl?: NonNullable<KafkaOptions['sasl']>;
  };
  readonly registry: { readonly url: string; readonly username?: string; readonly password?: string };
}

const pem = (file: string | undefined): string | undefined =>
  file === undefined ? undefined : readFileSync(file, 'utf8');

function tlsOf(tls: NonNullable<KafkaSettings['kafka']['tls']>): NonNullable<KafkaOptions['tls']> {
  if (typeof tls === 'boolean') return tls;
  const [ca, cert, key] = [pem(tls.ca_file), pem(tls.cert_file), pem(tls.key_file)];
  return {
    rejectUnauthorized: tls.reject_unauthorized,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Options for `connectKafka`; reads the PEM files that the configuration names and throws where one is missing. */
export function kafkaOptionsOf(
  settings: KafkaSettings,
  clientId: string,
  logger?: KafkaLogger,
): KafkaOptions {
  const { brokers, topic_prefix: topicPrefix, tls, sasl } = settings.kafka;
  return {
    brokers,
    clientId,
    topicPrefix,
    registry: settings.registry,
    ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(logger === undefined ? {} : { logger }),
  };
}
