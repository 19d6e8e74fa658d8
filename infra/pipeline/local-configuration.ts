/** The configuration of a local installation: one tenant, loopback sources, keys of its own, sandbox ISPs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@millrace/service';
import { stringify } from 'yaml';
import type { StackAddresses } from '../stack/embedded-stack.ts';
import { localSources, type PipelinePorts } from './addresses.ts';
import { type Credentials, credentialsIn } from './credentials.ts';

/** Any part of a configuration. Lists replace lists. */
export type ConfigurationPart<T = Config> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: ConfigurationPart<T[K]> }
    : T;

export interface LocalConfigurationOptions {
  /** Absolute. Keys, state, blobs and the configuration itself are in it. */
  readonly directory: string;
  readonly addresses: StackAddresses;
  readonly ports: PipelinePorts;
  /** Where HTTP, SMTP submission and the sandbox page listen. Default 127.0.0.1. */
  readonly listen?: string;
  /** Default '': topics, groups and Redis keys without a prefix of their own. */
  readonly topicPrefix?: string;
  /** Replicas of topics that are created. Default 1. */
  readonly replicationFactor?: number;
  /** Keys that win over the generated ones. */
  readonly overrides?: ConfigurationPart;
}

export interface LocalConfiguration {
  /** `millrace.yaml` in the directory. */
  readonly file: string;
  readonly credentials: Credentials;
}

/** Domain that the local tenant's keys sign for; the sandbox's DNS publishes its records. */
export const localDomain = 'millrace.test';

const returnPathDomain = `bounces.${localDomain}`;

/** Where a local installation has its configuration. */
export const configurationFileOf = (directory: string): string => join(directory, 'millrace.yaml');

/** Writes `millrace.yaml`, and beside it the keys that are not there yet. */
export async function writeLocalConfiguration(
  options: LocalConfigurationOptions,
): Promise<LocalConfiguration> {
  mkdirSync(options.directory, { recursive: true });
  const credentials = await credentialsIn(join(options.directory, 'keys'));
  const configuration = merge(generated(options, credentials), options.overrides ?? {});
  const file = configurationFileOf(options.directory);
  writeFileSync(file, `${heading}${stringify(configuration, { lineWidth: 0 })}`, { mode: 0o600 });
  return { file, credentials };
}

const heading = `# The local installation: made by npm start (or infra/setup.ts), which npm start does again at each start.
# docs/configuration.md explains every key. For an installation of your own, copy this file and point MILLRACE_CONFIG at it.
`;

function generated(options: LocalConfigurationOptions, credentials: Credentials): ConfigurationPart {
  const { directory, ports, addresses } = options;
  const host = options.listen ?? '127.0.0.1';
  const prefix = options.topicPrefix ?? '';
  const state = join(directory, 'state');
  const { apiKey, dkim } = credentials;
  return {
    kafka: {
      brokers: addresses.KAFKA_BROKERS.split(','),
      ...(prefix === '' ? {} : { topic_prefix: prefix }),
      partitions: 4,
      realtime_partitions: 1,
      replication_factor: options.replicationFactor ?? 1,
    },
    registry: { url: addresses.SCHEMA_REGISTRY_URL },
    redis: {
      // Without the password that it may hold: that one comes from REDIS_URL.
      url: withoutPassword(addresses.REDIS_URL),
      ...(prefix === '' ? {} : { key_prefix: `${prefix.replace(/\.$/, '')}:` }),
    },
    tenants: {
      local: {
        default_stream: 'batch',
        from_domains: ['*'],
        pools: { realtime: 'realtime', batch: 'batch' },
        api_keys: [
          {
            id: apiKey.id,
            sha256: apiKey.sha256,
            scopes: [
              'send',
              'templates:read',
              'templates:write',
              'suppressions:read',
              'suppressions:write',
              'events:read',
              'control:read',
              'control:write',
            ],
          },
        ],
      },
    },
    sources: Object.fromEntries(
      [...localSources.realtime, ...localSources.batch].map(({ name, address, ehlo }) => [
        name,
        { address, ehlo },
      ]),
    ),
    pools: {
      realtime: poolOf('realtime'),
      batch: poolOf('batch'),
    },
    dkim: [
      {
        domain: localDomain,
        keys: dkim.map(({ selector, algorithm, file }) => ({ selector, algorithm, key_file: file })),
      },
    ],
    dkim_fallback_domain: localDomain,
    return_path_domain: returnPathDomain,
    unsubscribe: {
      url: `https://${localDomain}/unsubscribe/{token}`,
      mailto: `unsubscribe@${localDomain}`,
      secret: credentials.unsubscribeSecret,
    },
    blobs: { kind: 'file', directory: join(directory, 'blobs') },
    state_directory: state,
    ingest: {
      http: { host, port: ports.ingestHttp },
      smtp: {
        host,
        port: ports.ingestSmtp,
        hostname: `submission.${localDomain}`,
        // Taken only where no one else can listen.
        allow_insecure_auth: host === '127.0.0.1',
      },
    },
    feedback: {
      smtp: { host, port: ports.feedbackSmtp, hostname: `feedback.${localDomain}` },
      http: { host, port: ports.feedbackHttp },
      complaint_addresses: [`fbl@${localDomain}`],
    },
    // Rules only tell what they would do: a provider of the sandbox that is made to refuse for a try would else be sent one
    // mail a minute for the next 90.
    shaper: { act: false },
    // For endpoints of one's own while trying: those of `tenants.local.webhooks`.
    webhooks: { allow_http: true, allow_addresses: ['127.0.0.0/8'] },
    router: { dns_servers: [`127.0.0.1:${ports.sandboxDns}`] },
    delivery: {
      port: ports.sandboxSmtp,
      loopback_only: true,
      ca_file: join(state, 'sandbox', 'sandbox-ca.pem'),
    },
    sandbox: {
      http: { host, port: ports.sandboxHttp },
      smtp_port: ports.sandboxSmtp,
      dns_port: ports.sandboxDns,
      answers: {
        smtp: `127.0.0.1:${ports.feedbackSmtp}`,
        http: `http://127.0.0.1:${ports.feedbackHttp}`,
        complaint_address: `fbl@${localDomain}`,
      },
      publish: publishedRecords(credentials),
    },
  };
}

const poolOf = (stream: keyof typeof localSources) => ({
  stream,
  sources: localSources[stream].map(({ name }) => ({ source: name, weight: 1 })),
});

type PublishedRecord = Config['sandbox']['publish'][number];

/** What a sender has in its DNS: DKIM keys, SPF, DMARC, and names of its addresses that agree both ways. */
function publishedRecords({ dkim }: Credentials): PublishedRecord[] {
  const text = (name: string, value: string): PublishedRecord => ({ name, type: 'TXT', value });
  const spf = 'v=spf1 ip4:127.0.0.0/8 ip6:::1 -all';
  return [
    text(localDomain, spf),
    text(returnPathDomain, spf),
    text(`_dmarc.${localDomain}`, `v=DMARC1; p=reject; adkim=r; aspf=r; rua=mailto:dmarc@${localDomain}`),
    ...dkim.map(({ selector, record }) => text(`${selector}._domainkey.${localDomain}`, record)),
    ...[...localSources.realtime, ...localSources.batch].flatMap(({ address, ehlo }): PublishedRecord[] => [
      { name: ehlo, type: 'A', value: address },
      {
        name: `${address.split('.').reverse().join('.')}.in-addr.arpa`,
        type: 'PTR',
        value: `${ehlo}.`,
      },
    ]),
  ];
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  parsed.username = '';
  return parsed.href.replace(/\/$/, '');
}

const isPart = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `over` wins; objects are merged key by key, everything else is replaced. */
function merge(base: object, over: object): object {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isPart(before) && isPart(value) ? merge(before, value) : value;
  }
  return merged;
}
