/** Where a running pipeline is found: the content of `.millrace/endpoints.json`. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Endpoints {
  /** `http` without a slash at the end, `smtp` as `host:port`. */
  readonly ingest: { readonly http: string; readonly smtp: string };
  /** A local development key with every scope. */
  readonly apiKey: string;
  /** Unsubscribe pages and POST /v1/reports; inbound SMTP as `host:port`. */
  readonly feedback: { readonly http: string; readonly smtp: string };
  readonly sandbox: { readonly http: string };
  /** `host:port`, several separated by commas. */
  readonly kafka: string;
  /** Base of the registry's Confluent-compatible API. */
  readonly registry: string;
  readonly redis: string;
}

export const endpointsFileOf = (directory: string): string => join(directory, 'endpoints.json');

/** Writes the file in one step: whoever sees it can read all of it. */
export function writeEndpoints(directory: string, endpoints: Endpoints): void {
  const file = endpointsFileOf(directory);
  writeFileSync(`${file}.new`, `${JSON.stringify(endpoints, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeEndpoints(directory: string): void {
  rmSync(endpointsFileOf(directory), { force: true });
}
