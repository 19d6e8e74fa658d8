/** Every key of the configuration file, with its meaning, unit and default: the one place that lists them. */
import { type Static, type TSchema, Type } from 'typebox';

const strict = <P extends Record<string, TSchema>>(properties: P, options: { description?: string } = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const text = (description: string, options: Record<string, unknown> = {}) =>
  Type.String({ description, minLength: 1, ...options });
const integer = (description: string, fallback: number, minimum = 0, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ description, default: fallback, minimum, maximum });
const named = <T extends TSchema>(schema: T, description: string) =>
  Type.Record(Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }), schema, { description, default: {} });

const Tls = strict({
  ca_file: optional(text('PEM file of the authorities to trust')),
  cert_file: optional(text('PEM client certificate')),
  key_file: optional(text('PEM key of the client certificate')),
  reject_unauthorized: Type.Boolean({
    default: true,
    description: 'Refuse a certificate that does not verify',
  }),
});

export const KafkaConfig = strict({
  brokers: Type.Array(text('host:port'), {
    default: ['127.0.0.1:9092'],
    minItems: 1,
    description: 'Bootstrap brokers (KAFKA_BROKERS, comma separated)',
  }),
  topic_prefix: Type.String({
    default: '',
    pattern: '^[a-zA-Z0-9._-]{0,60}$',
    description: 'Put before every topic and group name, so that installations share a cluster',
  }),
  tls: optional(Type.Union([Type.Boolean(), Tls], { description: 'TLS to the brokers: true, or its files' })),
  sasl: optional(
    strict({
      mechanism: Type.Union([
        Type.Literal('plain'),
        Type.Literal('scram-sha-256'),
        Type.Literal('scram-sha-512'),
      ]),
      username: text('SASL user'),
      password: text('SASL password (secret)'),
    }),
  ),
  partitions: integer('Partitions of topics that are created', 4, 1, 1_000),
  replication_factor: integer('Replicas of topics that are created', 1, 1, 10),
});

export const RegistryConfig = strict({
  url: text('Confluent-compatible API of the schema registry (SCHEMA_REGISTRY_URL)', {
    default: 'http://127.0.0.1:8081',
  }),
  username: optional(text('Basic authentication user')),
  password: optional(text('Basic authentication password (secret)')),
});

export const RedisConfig = strict({
  url: text('redis:// or rediss:// (REDIS_URL)', { default: 'redis://127.0.0.1:6379' }),
  key_prefix: Type.String({ default: 'millrace:', description: 'Put before every key' }),
});

const Scope = Type.Union([
  Type.Literal('send'),
  Type.Literal('send:batch'),
  Type.Literal('templates:read'),
  Type.Literal('templates:write'),
  Type.Literal('suppressions:read'),
  Type.Literal('suppressions:write'),
  Type.Literal('events:read'),
]);

export const TenantConfig = strict({
  default_stream: Type.Union([Type.Literal('realtime'), Type.Literal('batch')], {
    default: 'batch',
    description: 'Stream of a request that names neither stream nor known category',
  }),
  categories: Type.Record(
    Type.String(),
    strict({
      stream: Type.Union([Type.Literal('realtime'), Type.Literal('batch')], { default: 'realtime' }),
      sla_seconds: integer('From acceptance to the 250, seconds', 120, 1),
      guarantee: Type.Union([Type.Literal('at_least_once'), Type.Literal('at_most_once')], {
        default: 'at_least_once',
      }),
    }),
    {
      default: {},
      description:
        'Categories beyond the built-in otp (10 s), password_reset (30 s), receipt and notification (120 s)',
    },
  ),
  from_domains: Type.Array(text('domain'), {
    default: [],
    description: 'Domains the tenant may send from, subdomains included. Empty: every domain with a DKIM key',
  }),
  pools: strict({
    realtime: text('Pool of the realtime stream', { default: 'realtime' }),
    batch: text('Pool of the batch stream', { default: 'batch' }),
  }),
  api_keys: Type.Array(
    strict({
      id: text('Shown in logs; also the SMTP AUTH user name'),
      sha256: text('SHA-256 of the key, hex', { pattern: '^[0-9a-f]{64}$' }),
      scopes: Type.Array(Scope, { default: ['send'] }),
      messages_per_second: optional(
        Type.Number({ exclusiveMinimum: 0, description: 'Rate limit of this key; absent: none' }),
      ),
      burst: optional(integer('Messages above the rate at once', 100, 1)),
    }),
    { default: [] },
  ),
});

export const SourceConfig = strict({
  address: optional(text('Local IPv4 address to bind to')),
  address6: optional(text('Local IPv6 address to bind to')),
  ehlo: optional(text("EHLO name: should be the address's PTR name")),
  relay: optional(
    strict({
      host: text('Smarthost'),
      port: integer('Its port', 587, 1, 65_535),
      tls: Type.Union(
        [
          Type.Literal('implicit'),
          Type.Literal('required'),
          Type.Literal('opportunistic'),
          Type.Literal('disabled'),
        ],
        { default: 'required' },
      ),
      username: optional(text('AUTH user')),
      password: optional(text('AUTH password (secret)')),
      max_connections: integer('Connections to it at once, per worker', 5, 1, 1_000),
    }),
  ),
});

export const PoolConfig = strict({
  stream: Type.Union([Type.Literal('realtime'), Type.Literal('batch')], {
    description: 'Realtime and batch never share a pool',
  }),
  sources: Type.Array(strict({ source: text('Name of a source'), weight: integer('Share', 1, 1, 10_000) }), {
    minItems: 1,
  }),
});

export const DkimConfig = strict({
  domain: text('Signing domain (d=); also signs for its subdomains'),
  keys: Type.Array(
    strict({
      selector: text('s='),
      algorithm: Type.Union([Type.Literal('rsa-sha256'), Type.Literal('ed25519-sha256')]),
      key_file: text('PEM private key'),
    }),
    { minItems: 1, maxItems: 4 },
  ),
});

export const BlobConfig = Type.Union([
  strict({ kind: Type.Literal('file'), directory: text('Where large messages are kept') }),
  strict({
    kind: Type.Literal('s3'),
    endpoint: text('https://s3.eu-central-1.amazonaws.com or another S3 API'),
    bucket: text('Bucket'),
    region: text('Region', { default: 'us-east-1' }),
    access_key_id: text('Access key id'),
    secret_access_key: text('Secret access key (secret)'),
  }),
]);

export const IngestConfig = strict({
  http: strict({
    host: text('Address to listen on', { default: '127.0.0.1' }),
    port: integer('Port; 0: any free one', 7400, 0, 65_535),
  }),
  smtp: strict({
    host: text('Address to listen on', { default: '127.0.0.1' }),
    port: integer('Port; 0: any free one', 7587, 0, 65_535),
    enabled: Type.Boolean({ default: true }),
    hostname: text('Name in the greeting', { default: 'localhost' }),
    cert_file: optional(text('PEM certificate for STARTTLS')),
    key_file: optional(text('PEM key for STARTTLS')),
    allow_insecure_auth: Type.Boolean({
      default: false,
      description: 'AUTH without TLS. Only taken on loopback',
    }),
    max_connections: integer('Connections at once', 200, 1, 100_000),
  }),
  max_message_bytes: integer('Largest message, bytes', 26_214_400, 1_024, 104_857_600),
  max_recipients: integer('Recipients of one request', 1_000, 1, 1_000),
  inline_max_bytes: integer(
    'Content up to this goes into the record, above it into the blob store',
    262_144,
    0,
    524_288,
  ),
  idempotency_hours: integer('How long an Idempotency-Key is remembered', 24, 1, 720),
});

export const RouterConfig = strict({
  dns_cache_entries: integer('Domains whose MX is remembered', 50_000, 100),
  dns_servers: Type.Array(text('host:port'), {
    default: [],
    description: "DNS servers; empty: the system's",
  }),
  dns_timeout_ms: integer('One DNS query', 3_000, 100, 60_000),
  max_age_hours: strict({
    realtime: integer('Oldest a realtime message may grow', 24, 1, 160),
    batch: integer('Oldest a batch message may grow', 72, 1, 160),
  }),
  in_flight: integer('Requests being routed at once, per process', 2_000, 1, 100_000),
});

export const DeliveryConfig = strict({
  port: integer('SMTP port of the ISPs', 25, 1, 65_535),
  loopback_only: Type.Boolean({
    default: false,
    description: 'Refuse to connect to any address that is not loopback (sandbox)',
  }),
  shaping_file: optional(text('Limits per ISP; default: the shipped infra/shaping/default.yaml')),
  max_connections: integer('SMTP connections of one worker at once', 200, 1, 10_000),
  window_records: integer('Unfinished records of one partition', 1_000, 10, 32_000),
  window_bytes: integer('Their bytes', 8_388_608, 65_536, 268_435_456),
  journal_days: integer('How long the journal remembers a message, days', 3, 1, 30),
  ca_file: optional(text("PEM file of authorities for recipients' certificates; default: the system's")),
  prefer: Type.Union([Type.Literal('ipv4'), Type.Literal('ipv6')], { default: 'ipv4' }),
  signing_threads: integer('libuv threads that DKIM signing may use', 2, 1, 64),
});

export const TelemetryConfig = strict({
  otlp_endpoint: optional(text('http://collector:4318 (OTEL_EXPORTER_OTLP_ENDPOINT)')),
  http: strict({
    host: text('Address of /metrics, /healthz and /readyz', { default: '127.0.0.1' }),
    port: integer('Its port; 0: any free one', 0, 0, 65_535),
  }),
  log_level: Type.Union(
    [
      Type.Literal('trace'),
      Type.Literal('debug'),
      Type.Literal('info'),
      Type.Literal('warn'),
      Type.Literal('error'),
    ],
    { default: 'info' },
  ),
  sample_realtime: Type.Number({
    default: 1,
    minimum: 0,
    maximum: 1,
    description: 'Share of realtime messages traced',
  }),
  sample_batch: Type.Number({
    default: 0.001,
    minimum: 0,
    maximum: 1,
    description: 'Share of batch messages traced',
  }),
});

export const SandboxConfig = strict({
  http: strict({
    host: text('Page and API', { default: '127.0.0.1' }),
    port: integer('Port', 7480, 0, 65_535),
  }),
  smtp_port: integer('SMTP port, the same on every loopback address', 7425, 0, 65_535),
  dns_port: integer('DNS port on 127.0.0.1', 7453, 0, 65_535),
  behaviour_file: optional(text('YAML with the behaviour of each ISP')),
  keep: Type.Union([Type.Literal('all'), Type.Literal('headers'), Type.Literal('none')], {
    default: 'all',
    description: 'What is kept of a mail: its source, its headers, or only counters and arrival times',
  }),
  keep_messages: integer('Mails kept in memory', 10_000, 1),
  keep_bytes: integer('Their bytes', 67_108_864, 1_048_576),
  keep_arrivals: integer('Arrival times kept for GET /arrivals', 200_000, 0, 10_000_000),
  verify: Type.Union([Type.Literal('all'), Type.Literal('sample'), Type.Literal('off')], {
    default: 'all',
    description: 'Mails checked for SPF, DKIM and DMARC: all, one in a hundred, none',
  }),
  publish: Type.Array(
    strict({
      name: text('Domain name'),
      type: Type.Union([
        Type.Literal('A'),
        Type.Literal('AAAA'),
        Type.Literal('CNAME'),
        Type.Literal('MX'),
        Type.Literal('PTR'),
        Type.Literal('TXT'),
      ]),
      value: text('As in a zone file: "10 mx.example.com." for MX'),
      ttl: optional(integer('Seconds', 60, 0, 86_400)),
    }),
    { default: [], description: "DNS records to serve, such as the senders' DKIM keys, SPF and DMARC" },
  ),
});

export const Config = strict({
  kafka: KafkaConfig,
  registry: RegistryConfig,
  redis: RedisConfig,
  tenants: named(TenantConfig, 'Who may send'),
  sources: named(SourceConfig, 'Egress sources: sending addresses or relays'),
  pools: named(PoolConfig, 'Weighted groups of sources'),
  dkim: Type.Array(DkimConfig, { default: [], description: 'Signing keys by domain' }),
  return_path_domain: optional(
    text(
      'Domain of the VERP envelope sender; its MX must lead to the feedback service. Absent: the From domain',
    ),
  ),
  unsubscribe: optional(
    strict({
      url: optional(text('https URL; {token} is replaced by a signed token')),
      mailto: optional(text('Address; +token is added to its local part')),
      secret: text('Key of the tokens, 16 characters or more (secret)', { minLength: 16 }),
    }),
  ),
  feedback_id_sender: text('SenderId of the Feedback-ID header', { default: 'millrace' }),
  blobs: BlobConfig,
  state_directory: text('Local caches of this process', { default: '.millrace/state' }),
  ingest: IngestConfig,
  router: RouterConfig,
  delivery: DeliveryConfig,
  telemetry: TelemetryConfig,
  sandbox: SandboxConfig,
});

export type Config = Static<typeof Config>;
export type TenantConfig = Static<typeof TenantConfig>;
export type SourceConfig = Static<typeof SourceConfig>;
export type PoolConfig = Static<typeof PoolConfig>;
