/** Environment variables that override keys of the configuration file. */
import { resolve } from 'node:path';
import type { KeyPath } from './yaml-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Override {
  readonly variable: string;
  readonly path: KeyPath;
  /** From the variable's text to the key's value. */
  readonly parse: (text: string) => unknown;
}

const asIs = (text: string): unknown => text;
/** What is no number stays text, for the check to name. */
const asNumber = (text: string): unknown => (/^\d+$/.test(text.trim()) ? Number(text) : text);
const asFlag = (text: string): unknown => {
  const word = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(word)) return true;
  return ['false', '0', 'no', 'off'].includes(word) ? false : text;
};
const asList = (text: string): unknown =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
const asFile = (text: string): unknown => resolve(text);

/** In the order in which they are applied. */
export const overrides: readonly Override[] = [
  { variable: 'KAFKA_BROKERS', path: ['kafka', 'brokers'], parse: asList },
  { variable: 'KAFKA_TLS', path: ['kafka', 'tls'], parse: asFlag },
  { variable: 'KAFKA_TLS_CA_FILE', path: ['kafka', 'tls', 'ca_file'], parse: asFile },
  { variable: 'KAFKA_TLS_CERT_FILE', path: ['kafka', 'tls', 'cert_file'], parse: asFile },
  { variable: 'KAFKA_TLS_KEY_FILE', path: ['kafka', 'tls', 'key_file'], parse: asFile },
  {
    variable: 'KAFKA_SASL_MECHANISM',
    path: ['kafka', 'sasl', 'mechanism'],
    parse: (text) => text.toLowerCase(),
  },
  { variable: 'KAFKA_SASL_USERNAME', path: ['kafka', 'sasl', 'username'], parse: asIs },
  { variable: 'KAFKA_SASL_PASSWORD', path: ['kafka', 'sasl', 'password'], parse: asIs },
  { variable: 'MILLRACE_TOPIC_PREFIX', path: ['kafka', 'topic_prefix'], parse: asIs },
  { variable: 'SCHEMA_REGISTRY_URL', path: ['registry', 'url'], parse: asIs },
  { variable: 'SCHEMA_REGISTRY_USERNAME', path: ['registry', 'username'], parse: asIs },
  { variable: 'SCHEMA_REGISTRY_PASSWORD', path: ['registry', 'password'], parse: asIs },
  { variable: 'REDIS_URL', path: ['redis', 'url'], parse: asIs },
  { variable: 'MILLRACE_REDIS_PREFIX', path: ['redis', 'key_prefix'], parse: asIs },
  { variable: 'OTEL_EXPORTER_OTLP_ENDPOINT', path: ['telemetry', 'otlp_endpoint'], parse: asIs },
  { variable: 'MILLRACE_LOG_LEVEL', path: ['telemetry', 'log_level'], parse: (text) => text.toLowerCase() },
  { variable: 'MILLRACE_HTTP_HOST', path: ['telemetry', 'http', 'host'], parse: asIs },
  { variable: 'MILLRACE_HTTP_PORT', path: ['telemetry', 'http', 'port'], parse: asNumber },
];

type Keys = Record<string, unknown>;

const isKeys = (value: unknown): value is Keys =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The values with those of the environment put over them, and which variable each came from, by path. An empty variable
 * counts as not set.
 */
export const withEnvironment = (
  values: unknown,
  env: Environment,
): {
  readonly value: unknown;
  readonly variables: readonly { readonly path: KeyPath; readonly variable: string }[];
} => {
  const set = overrides.filter(({ variable }) => (env[variable] ?? '') !== '');
  if (set.length === 0 || !(isKeys(values) || values === null || values === undefined)) {
    return { value: values, variables: [] };
  }
  const root: Keys = structuredClone(values ?? {});
  for (const { variable, path, parse } of set) place(root, path, parse(env[variable] ?? ''));
  return { value: root, variables: set.map(({ path, variable }) => ({ path, variable })) };
};

const place = (root: Keys, path: KeyPath, value: unknown): void => {
  let keys = root;
  for (const part of path.slice(0, -1)) {
    const inner = keys[part];
    const next: Keys = isKeys(inner) ? inner : {};
    keys[part] = next;
    keys = next;
  }
  const last = String(path.at(-1));
  // `KAFKA_TLS=true` says nothing new where the file already says how.
  if (value === true && isKeys(keys[last])) return;
  keys[last] = value;
};
