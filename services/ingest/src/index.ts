import type { KafkaLogger, KafkaOptions } from '@millrace/kafka';
import type { SendRequest } from '@millrace/schemas';
import type { Config } from '@millrace/service';
import type { RedisCommands } from './redis-scripts.ts';

export { type NewApiKey, newApiKey } from './api-key.ts';
export { startIngest } from './ingest.ts';

/** What the ingest service needs from outside. */
export interface IngestOptions {
  readonly config: Config;
  readonly logger: KafkaLogger;
  readonly redis: RedisCommands;
  readonly kafka: KafkaOptions;
  readonly putBlob: (bytes: Buffer) => Promise<string>;
  readonly compose: (request: SendRequest) => Promise<Buffer>;
}

/** A running ingest service. */
export interface Ingest {
  /** `http://host:port` of the API, without a slash at the end. */
  readonly httpUrl: string;
  /** Where SMTP submission listens; undefined when `ingest.smtp.enabled` is false. */
  readonly smtp: { readonly host: string; readonly port: number } | undefined;
  /** Takes no new work, answers what was taken, closes both listeners. */
  stop(): Promise<void>;
}
