/** A kafkajs client from our options: TLS, SASL, patience, log. */
import { Kafka as KafkaJs, logLevel, type RetryOptions, type SASLOptions } from 'kafkajs';
import type { KafkaOptions } from './kafka.ts';
import { kafkajsLog, silentLogger } from './log.ts';
import { installWire } from './wire/install.ts';
import { kafkaSocket } from './wire/receive.ts';

/** For calls that somebody waits for: some seconds, then an error. */
export const impatient: RetryOptions = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000 };
/** For consumers: as long as the brokers are away. */
export const patient: RetryOptions = {
  retries: Number.MAX_SAFE_INTEGER,
  initialRetryTime: 100,
  maxRetryTime: 1_000,
};

function saslOf(sasl: NonNullable<KafkaOptions['sasl']>): SASLOptions {
  const { username, password } = sasl;
  switch (sasl.mechanism) {
    case 'plain':
      return { mechanism: 'plain', username, password };
    case 'scram-sha-256':
      return { mechanism: 'scram-sha-256', username, password };
    case 'scram-sha-512':
      return { mechanism: 'scram-sha-512', username, password };
  }
}

function tlsOf(tls: NonNullable<KafkaOptions['tls']>) {
  if (typeof tls === 'boolean') return tls;
  return {
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
    ...(tls.ca === undefined ? {} : { ca: [tls.ca] }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  };
}

/** The client that every producer, consumer and admin of one process is made from. Connects to nothing yet. */
export function createClient(options: KafkaOptions): KafkaJs {
  installWire();
  return new KafkaJs({
    clientId: options.clientId,
    brokers: [...options.brokers],
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    socketFactory: kafkaSocket,
    retry: impatient,
    logLevel: logLevel.WARN,
    logCreator: kafkajsLog(options.logger ?? silentLogger),
    ...(options.tls === undefined ? {} : { ssl: tlsOf(options.tls) }),
    ...(options.sasl === undefined ? {} : { sasl: saslOf(options.sasl) }),
  });
}
