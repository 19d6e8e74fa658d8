import type { KafkaLogger } from '@millrace/kafka';
import type { Config, RedisConnection } from '@millrace/service';

export { type NewApiKey, newApiKey } from './api-key.ts';
export { startIngest } from './ingest.ts';

/** The parts of the configuration that ingest reads. */
export type IngestSettings = Pick<
  Config,
  | 'kafka'
  | 'registry'
  | 'redis'
  | 'tenants'
  | 'sources'
  | 'pools'
  | 'dkim'
  | 'blobs'
  | 'state_directory'
  | 'ingest'
>;

/** What the ingest service needs from outside. */
export interface IngestOptions {
  readonly config: IngestSettings;
  readonly logger: KafkaLogger;
  /** Its commands fail at once while Redis is away. Stays the caller's to close. */
  readonly redis: Pick<RedisConnection, 'client' | 'ready'>;
}

/** A running ingest service. */
export interface Ingest {
  /** `http://host:port` of the API, without a slash at the end. */
  readonly httpUrl: string;
  /** Where SMTP submission listens; undefined when `ingest.smtp.enabled` is false. */
  readonly smtp: { readonly host: string; readonly port: number } | undefined;
  /** Whether requests are taken: Kafka is there. */
  readonly ready: boolean;
  /** Takes no new work, answers what was taken, closes both listeners. */
  stop(): Promise<void>;
}
