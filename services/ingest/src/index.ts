import type { Config } from '@millrace/service';

export { type NewApiKey, newApiKey } from './api-key.ts';

/** What the ingest service needs from outside. */
export interface IngestOptions {
  readonly config: Config;
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

/** Starts HTTP and SMTP ingest; resolves when both listen. */
export type StartIngest = (options: IngestOptions) => Promise<Ingest>;
