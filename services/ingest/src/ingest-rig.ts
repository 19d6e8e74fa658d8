/** For tests: an ingest service on the real stack, with topics and Redis keys of its own, gone afterwards. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestTopic, type Stream, streams } from '@millrace/core';
import { connectKafka, type Kafka, kafkaOptionsOf, type ReadRecord } from '@millrace/kafka';
import type { SendRequest } from '@millrace/schemas';
import { connectRedis } from '@millrace/service';
import { type Ingest, type IngestSettings, newApiKey, startIngest } from './index.ts';
import type { Scope } from './keyring.ts';

/** What a test changes of the rig's configuration. */
export interface RigOptions {
  readonly ingest?: Partial<Omit<IngestSettings['ingest'], 'http' | 'smtp'>>;
  readonly smtp?: Partial<IngestSettings['ingest']['smtp']>;
  readonly brokers?: readonly string[];
  readonly redisUrl?: string;
  /** Joins the installation of another rig. */
  readonly installation?: string;
}

type KeyName = 'full' | 'batch' | 'reader' | 'slow' | 'other';

export interface Rig extends AsyncDisposable {
  readonly ingest: Ingest;
  readonly settings: IngestSettings;
  readonly installation: string;
  /** Whole keys. `other` is of another tenant, `slow` has a rate of 2 a second and a burst of 5. */
  readonly keys: Readonly<Record<KeyName, string>>;
  readonly warnings: readonly string[];
  /** Resolves when requests are taken. */
  ready(): Promise<void>;
  /** A request with the key `full` unless it says otherwise; an object as body is sent as JSON. */
  call(method: string, path: string, options?: Call): Promise<Response>;
  /** Everything in both request topics up to now. */
  requests(): Promise<readonly ReadRecord<SendRequest>[]>;
}

export interface Call {
  readonly key?: KeyName | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const scopes: Readonly<Record<KeyName, readonly Scope[]>> = {
  full: [
    ...(['send', 'templates:read', 'templates:write', 'suppressions:read', 'suppressions:write'] as const),
    'control:write',
  ],
  batch: ['send:batch'],
  reader: ['templates:read', 'events:read'],
  slow: ['send'],
  other: ['send', 'templates:read', 'templates:write', 'suppressions:read'],
};

const environment = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`Run through \`npm test\`, or set ${name}.`);
  return value;
};

const made: Readonly<Record<KeyName, ReturnType<typeof newApiKey>>> = {
  full: newApiKey('full'),
  batch: newApiKey('batch'),
  reader: newApiKey('reader'),
  slow: newApiKey('slow'),
  other: newApiKey('other'),
};

const apiKey = (name: KeyName) => ({
  id: made[name].id,
  sha256: made[name].sha256,
  scopes: [...scopes[name]],
  ...(name === 'slow' ? { messages_per_second: 2, burst: 5 } : {}),
});

const tenant = (domain: string, keys: readonly KeyName[]): IngestSettings['tenants'][string] => ({
  default_stream: 'batch',
  categories: {},
  from_domains: [domain],
  pools: { realtime: 'realtime', batch: 'batch' },
  api_keys: keys.map(apiKey),
});

const settingsOf = (options: RigOptions, installation: string, directory: string): IngestSettings => ({
  kafka: {
    brokers: [...(options.brokers ?? environment('KAFKA_BROKERS').split(','))],
    topic_prefix: `${installation}.`,
    partitions: 2,
    replication_factor: 1,
  },
  registry: { url: environment('SCHEMA_REGISTRY_URL') },
  redis: { url: options.redisUrl ?? environment('REDIS_URL'), key_prefix: `${installation}:` },
  tenants: {
    acme: tenant('acme.example', ['full', 'batch', 'reader', 'slow']),
    umbrella: tenant('umbrella.example', ['other']),
  },
  sources: { one: {}, two: {}, three: {} },
  pools: {
    realtime: { stream: 'realtime', sources: [{ source: 'one', weight: 1 }] },
    batch: { stream: 'batch', sources: [{ source: 'two', weight: 1 }] },
    spare: { stream: 'batch', sources: [{ source: 'three', weight: 1 }] },
  },
  dkim: [],
  blobs: { kind: 'file', directory: join(directory, 'blobs') },
  state_directory: join(directory, 'state'),
  ingest: {
    http: { host: '127.0.0.1', port: 0 },
    smtp: {
      host: '127.0.0.1',
      port: 0,
      enabled: true,
      hostname: 'mx.acme.example',
      allow_insecure_auth: false,
      max_connections: 50,
      ...options.smtp,
    },
    max_message_bytes: 26_214_400,
    max_recipients: 1_000,
    inline_max_bytes: 262_144,
    idempotency_hours: 1,
    ...options.ingest,
  },
});

/** Waits for a condition that something else brings about; throws after 20 s. */
export const until = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come about within 60 s.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const readRequests = async (kafka: Kafka, stream: Stream): Promise<readonly ReadRecord<SendRequest>[]> => {
  const records: ReadRecord<SendRequest>[] = [];
  const tail = await kafka.tail({
    topic: requestTopic(stream),
    record: 'SendRequest',
    from: 'earliest',
    onRecord: (record) => {
      records.push(record);
    },
  });
  await tail.caughtUp();
  await tail.stop();
  return records;
};

export const startRig = async (options: RigOptions = {}): Promise<Rig> => {
  const installation = options.installation ?? `test-${randomUUID().slice(0, 8)}`;
  const directory = mkdtempSync(join(tmpdir(), 'millrace-ingest-'));
  const settings = settingsOf(options, installation, directory);
  const warnings: string[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_fields: object, text: string) => warnings.push(text),
    error: (fields: object, text: string) => warnings.push(`${text} ${JSON.stringify(fields)}`),
  };
  const redis = connectRedis(settings, logger);
  if (options.redisUrl === undefined) await redis.connected(5_000);
  const ingest = await startIngest({ config: settings, logger, redis });
  const kafka = await connectKafka(kafkaOptionsOf(settings, 'test'));
  return {
    ingest,
    settings,
    installation,
    warnings,
    keys: {
      full: made.full.key,
      batch: made.batch.key,
      reader: made.reader.key,
      slow: made.slow.key,
      other: made.other.key,
    },
    ready: () => until('ingest', async () => (await fetch(`${ingest.httpUrl}/readyz`)).status === 200),
    call: (method, path, call = {}) => {
      const key = call.key === undefined ? 'full' : call.key;
      const isJson = call.body !== undefined && typeof call.body !== 'string';
      return fetch(`${ingest.httpUrl}${path}`, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${made[key].key}` }),
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        body: isJson ? JSON.stringify(call.body) : typeof call.body === 'string' ? call.body : null,
      });
    },
    requests: async () => (await Promise.all(streams.map((stream) => readRequests(kafka, stream)))).flat(),
    [Symbol.asyncDispose]: async () => {
      await ingest.stop();
      await kafka.stop();
      await redis.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};
