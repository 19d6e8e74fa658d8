/**
 * Every key of the configuration file, with its meaning, unit and default: the one place that lists them. Beside what
 * TypeBox knows, `path` marks file names (taken from the configuration file's directory when they are relative) and
 * `secret` marks values that no message, log or page ever shows.
 */
import { subscribableTypes } from '@millrace/core';
import { type Static, type TSchema, Type } from 'typebox';

const strict = <P extends Record<string, TSchema>>(properties: P, description = '') =>
  Type.Object(properties, { additionalProperties: false, description });
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const text = (description: string, options: Record<string, unknown> = {}) =>
  Type.String({ description, minLength: 1, ...options });
/** A file or directory. */
const path = (description: string, options: Record<string, unknown> = {}) =>
  text(description, { path: true, ...options });
const secret = (description: string, options: Record<string, unknown> = {}) =>
  text(description, { secret: true, ...options });
const integer = (description: string, fallback: number, minimum = 0, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ description, default: fallback, minimum, maximum });
const flag = (description: string, fallback: boolean) => Type.Boolean({ description, default: fallback });
const share = (description: string, fallback: number) =>
  Type.Number({ description, default: fallback, minimum: 0, maximum: 1 });
const choice = <const V extends string>(values: V[], description: string, fallback?: NoInfer<V>) =>
  Type.Enum(values, { description, ...(fallback === undefined ? {} : { default: fallback }) });
const list = <T extends TSchema>(items: T, description: string, options: Record<string, unknown> = {}) =>
  Type.Array(items, { description, default: [], ...options });
const named = <T extends TSchema>(schema: T, description: string) =>
  Type.Record(
    Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$', description: 'lower case letters, digits, ._-' }),
    schema,
    { description, default: {} },
  );
const listen = (what: string, port: number) => ({
  host: text(`Address to listen on: ${what}`, { default: '127.0.0.1' }),
  port: integer('Its port; 0: any free one', port, 0, 65_535),
});

const hostAndPort = { pattern: '^(?:\\[[0-9a-fA-F:.]+\\]|[^\\s:/]+):[0-9]{1,5}$', expected: 'host:port' };
const streamOf = (description: string, fallback?: 'realtime' | 'batch') =>
  choice(['realtime', 'batch'], description, fallback);

const Tls = strict({
  ca_file: optional(path('PEM file of the authorities to trust')),
  cert_file: optional(path('PEM client certificate')),
  key_file: optional(path('PEM key of the client certificate')),
  reject_unauthorized: flag('Refuse a certificate that does not verify', true),
});

export const KafkaConfig = strict(
  {
    brokers: Type.Array(text('A broker', hostAndPort), {
      default: ['127.0.0.1:9092'],
      minItems: 1,
      description: 'Bootstrap brokers, host:port',
    }),
    topic_prefix: Type.String({
      default: '',
      pattern: '^[a-zA-Z0-9._-]{0,60}$',
      description: 'Put before every topic and group name, so that installations share a cluster',
    }),
    tls: optional(
      Type.Union([Type.Boolean(), Tls], { description: 'TLS to the brokers: `true`, or the keys below it' }),
    ),
    sasl: optional(
      strict(
        {
          mechanism: choice(['plain', 'scram-sha-256', 'scram-sha-512'], 'How the password is proven'),
          username: text('User'),
          password: secret('Password'),
        },
        'SASL authentication to the brokers',
      ),
    ),
    partitions: integer('Partitions of topics that are created', 4, 1, 1_000),
    realtime_partitions: optional(
      Type.Integer({
        description:
          "Partitions of each provider's realtime topic: no more workers share a provider, and each costs every message of the stream a little; absent: as `partitions`",
        minimum: 1,
        maximum: 1_000,
      }),
    ),
    replication_factor: integer('Replicas of topics that are created', 1, 1, 10),
  },
  'The cluster that everything passes through',
);

export const RegistryConfig = strict(
  {
    url: text('Confluent-compatible API, http or https', {
      default: 'http://127.0.0.1:8081',
      pattern: '^https?://',
    }),
    username: optional(text('Basic authentication: user')),
    password: optional(secret('Basic authentication: password')),
  },
  'The schema registry',
);

export const RedisConfig = strict(
  {
    url: text('redis:// or rediss:// (TLS), with user and password where needed', {
      default: 'redis://127.0.0.1:6379',
      pattern: '^rediss?://',
    }),
    key_prefix: Type.String({ default: 'millrace:', description: 'Put before every key' }),
  },
  'What is shared and fast: rates, connection leases, the delivery journal',
);

const Scope = choice(
  [
    'send',
    'send:batch',
    'templates:read',
    'templates:write',
    'suppressions:read',
    'suppressions:write',
    'events:read',
    'control:read',
    'control:write',
  ],
  'What a key may do; control:write is over the whole installation: for operators',
);

export const TenantConfig = strict(
  {
    default_stream: streamOf('Stream of a request that names neither stream nor known category', 'batch'),
    categories: Type.Record(
      Type.String(),
      strict(
        {
          stream: streamOf('Stream of its messages', 'realtime'),
          sla_seconds: integer("From acceptance to the provider's 250, seconds", 120, 1),
          guarantee: choice(
            ['at_least_once', 'at_most_once'],
            'What happens to a message whose delivery was interrupted: sent again, or not',
            'at_least_once',
          ),
        },
        'A category',
      ),
      {
        default: {},
        description:
          'Categories beyond the built-in otp (10 s), password_reset (30 s), receipt and notification (120 s)',
      },
    ),
    from_domains: list(
      text('A domain'),
      "Domains the tenant may send from, subdomains included; '*': any. Empty: every domain with a DKIM key",
    ),
    pools: strict(
      {
        realtime: text('Pool of the realtime stream', { default: 'realtime' }),
        batch: text('Pool of the batch stream', { default: 'batch' }),
      },
      "The tenant's pools",
    ),
    api_keys: list(
      strict(
        {
          id: text('Shown in logs; also the SMTP AUTH user name'),
          sha256: secret('SHA-256 of the whole key, hex', {
            pattern: '^[0-9a-f]{64}$',
            expected: '64 hex digits in lower case: the SHA-256 of the key, not the key',
          }),
          scopes: list(Scope, 'What the key may do', { default: ['send'] }),
          messages_per_second: optional(
            Type.Number({ exclusiveMinimum: 0, description: 'Rate limit; absent: none' }),
          ),
          burst: optional(integer('Messages above the rate at once; absent: 100', 100, 1)),
        },
        'A key',
      ),
      'Keys of the HTTP API and of SMTP submission',
    ),
    webhooks: optional(
      Type.Record(
        Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' }),
        strict(
          {
            url: text('Where events are posted to; https, unless `webhooks.allow_http` is set', {
              pattern: '^https?://[^\\s/?#@]+(?:[/?][^\\s#]*)?$',
              expected: 'an https URL without a user, a password or a fragment',
            }),
            secrets: Type.Array(
              secret('A secret', {
                pattern: '^whsec_[A-Za-z0-9+/]{32,}={0,2}$',
                expected: '`whsec_` and 24 to 64 random bytes in base64',
              }),
              {
                minItems: 1,
                maxItems: 5,
                description:
                  'Each of them signs, so that one can be replaced while the one before it still holds',
              },
            ),
            events: optional(
              Type.Array(choice([...subscribableTypes], 'A type'), {
                minItems: 1,
                description: 'Types that are posted; absent: all but `message.accepted` and `message.routed`',
              }),
            ),
            enabled: flag('Whether events are posted; what happens meanwhile is not posted later', true),
            batch_events: integer('Most events of one request', 100, 1, 1_000),
            linger_ms: integer('How long an event waits for others to be posted with, ms', 200, 0, 60_000),
            requests: integer('Requests at once', 4, 1, 64),
          },
          'An endpoint',
        ),
        { description: 'Endpoints that get events of its messages (docs/webhooks.md)' },
      ),
    ),
  },
  'A tenant',
);

export const SourceConfig = strict(
  {
    address: optional(
      text('Local IPv4 address to bind to; with a `proxy`, the address of its host to send from', {
        format: 'ipv4',
      }),
    ),
    address6: optional(text('The same for IPv6', { format: 'ipv6' })),
    ehlo: optional(text("EHLO name: should be the address's PTR name")),
    relay: optional(
      strict(
        {
          host: text('Smarthost'),
          port: integer('Its port', 587, 1, 65_535),
          tls: choice(
            ['implicit', 'required', 'opportunistic', 'disabled'],
            'TLS: from the first byte, STARTTLS or nothing, STARTTLS where offered, never',
            'required',
          ),
          username: optional(text('AUTH user')),
          password: optional(secret('AUTH password')),
          max_connections: integer('Connections to it at once, per worker', 5, 1, 1_000),
        },
        'Mail of this source goes to a smarthost instead of the MX hosts',
      ),
    ),
    proxy: optional(
      strict(
        {
          protocol: choice(
            ['proxy_v2', 'socks5'],
            'How the proxy is told where to connect to: `proxy_v2` by a header of the PROXY protocol (HAProxy), which also says to send from `address` or `address6`; `socks5` by RFC 1928, where the proxy itself decides what it sends from (`address` and `address6` then only say which families it has)',
          ),
          host: text('IP address of the proxy, or its name in DNS'),
          port: integer('Its port', 1080, 1, 65_535),
          username: optional(text('User (socks5, RFC 1929), up to 255 bytes', { maxLength: 255 })),
          password: optional(secret('Password (socks5, RFC 1929), up to 255 bytes', { maxLength: 255 })),
        },
        'Connections to the MX hosts are made by this host, so that mail leaves from its address',
      ),
    ),
    warm_up: optional(
      strict(
        {
          plan: text(
            '100k, 1m or 10m (what it shall send a month; 4, 6 and 12 weeks), or one of `warm_up_plans`',
          ),
          start: text('Calendar day on which it begins, such as 2026-12-01', {
            pattern: '^\\d{4}-\\d\\d-\\d\\d$',
            expected: 'a day such as 2026-12-01',
          }),
          time_zone: text('Whose calendar days count', { default: 'UTC' }),
          max_deferred_share: share('Of the tries of a day; above it the day is repeated, 0 to 1', 0.2),
          max_bounced_share: share('Of the tries of a day; above it the day is repeated, 0 to 1', 0.05),
          max_complaint_share: share('Of the mails of a day; above it the day is repeated, 0 to 1', 0.003),
        },
        'It is new: what each provider gets from it in a day grows by a plan; the rest of the pool sends what is above that',
      ),
    ),
  },
  'A sending address with its EHLO name, here or behind a proxy, or a relay',
);

export const WarmUpPlanConfig = strict(
  {
    days: integer('Days until it is through', 42, 1, 365),
    first_day: Type.Record(
      Type.String({
        pattern: '^[a-z0-9-]{1,32}$',
        description: 'A provider, such as gmail; other: all that are not named',
      }),
      integer('Mails', 0, 0, 1_000_000_000),
      {
        default: {},
        description:
          'Mails of the first day by provider; one without a number here or under `other` has no cap',
      },
    ),
    growth: Type.Number({
      exclusiveMinimum: 1,
      maximum: 10,
      default: 1.15,
      description: 'Each day has so many times the mails of the day before',
    }),
  },
  'A plan',
);

export const PoolConfig = strict(
  {
    stream: streamOf('Realtime and batch never share a pool, nor a source'),
    sources: Type.Array(
      strict(
        {
          source: text('Name of a source'),
          weight: integer('Its share, relative to the others', 1, 1, 10_000),
          overflow: optional(
            Type.Integer({
              minimum: 1,
              maximum: 10_000,
              description:
                'Its share of what the sources of the pool that are being warmed cannot take yet; they are then used first. Absent: none',
            }),
          ),
        },
        'A member',
      ),
      { minItems: 1, description: 'Its members' },
    ),
    sticky: optional(
      Type.Boolean({
        description:
          'Each recipient domain has a source of its own, by weight; another one only while that is suspended. Default: every message has the next source that has room',
      }),
    ),
  },
  'A pool',
);

export const DkimConfig = strict(
  {
    domain: text('Signing domain (d=); also signs for its subdomains'),
    keys: Type.Array(
      strict(
        {
          selector: text('Selector (s=)'),
          algorithm: choice(['rsa-sha256', 'ed25519-sha256'], 'Kind of the key'),
          key_file: path('PEM private key'),
        },
        'A key',
      ),
      { minItems: 1, maxItems: 4, description: 'Each of them signs: RSA and Ed25519 together are usual' },
    ),
  },
  'A domain',
);

export const BlobConfig = Type.Union(
  [
    strict({
      kind: Type.Literal('file', { description: 'A directory that every process sees' }),
      directory: path('Where large messages are kept'),
    }),
    strict({
      kind: Type.Literal('s3', { description: 'An S3 API' }),
      endpoint: text('https://s3.eu-central-1.amazonaws.com or another S3 API', { pattern: '^https?://' }),
      bucket: text('Bucket'),
      region: text('Region', { default: 'us-east-1' }),
      access_key_id: text('Access key id'),
      secret_access_key: secret('Secret access key'),
    }),
  ],
  {
    default: { kind: 'file', directory: '.millrace/blobs' },
    description: 'Where messages above `ingest.inline_max_bytes` are kept',
  },
);

export const IngestConfig = strict(
  {
    http: strict(listen('the API', 7400), 'The HTTP API'),
    smtp: strict(
      {
        ...listen('submission', 7587),
        enabled: flag('Whether mail is taken by SMTP', true),
        hostname: text('Name in the greeting', { default: 'localhost' }),
        cert_file: optional(path('PEM certificate for STARTTLS; absent: one is made at each start')),
        key_file: optional(path('PEM key for STARTTLS')),
        allow_insecure_auth: flag('AUTH without TLS; only while listening on loopback', false),
        max_connections: integer('Connections at once', 200, 1, 100_000),
      },
      'SMTP submission (RFC 6409)',
    ),
    max_message_bytes: integer('Largest message, bytes', 26_214_400, 1_024, 104_857_600),
    max_recipients: integer('Recipients of one request', 1_000, 1, 1_000),
    inline_max_bytes: integer(
      'Content up to this goes into the record, above it into the blob store, bytes',
      262_144,
      0,
      524_288,
    ),
    idempotency_hours: integer('How long an Idempotency-Key is remembered, hours', 24, 1, 720),
  },
  'The service that takes messages',
);

export const RouterConfig = strict(
  {
    dns_cache_entries: integer('Domains whose MX is remembered', 50_000, 100),
    dns_servers: list(text('A server', hostAndPort), "DNS servers, host:port; empty: the system's"),
    dns_timeout_ms: integer('Time limit of one DNS query, ms', 3_000, 100, 60_000),
    max_age_hours: strict(
      {
        realtime: integer('Oldest a realtime message may grow, hours', 24, 1, 160),
        batch: integer('Oldest a batch message may grow, hours', 72, 1, 160),
      },
      'After this a message expires; less than the seven days that topics keep records',
    ),
    in_flight: integer('Requests being routed at once, per process', 2_000, 1, 100_000),
  },
  "The service that turns requests into messages of a stream and a provider; its DNS is also delivery's",
);

export const DeliveryConfig = strict(
  {
    port: integer('SMTP port of the providers', 25, 1, 65_535),
    loopback_only: flag(
      'Refuse to connect to any address that is not loopback, proxies and policy hosts too (sandbox)',
      false,
    ),
    shaping_file: optional(path('Limits per provider; absent: the shipped infra/shaping/default.yaml')),
    max_connections: integer('SMTP connections of one worker at once', 200, 1, 10_000),
    window_records: integer('Unfinished records of one partition', 1_000, 10, 32_000),
    window_bytes: integer('Their bytes', 8_388_608, 65_536, 268_435_456),
    journal_days: integer('How long the journal remembers a message, days', 3, 1, 30),
    ca_file: optional(
      path(
        "PEM file of authorities for the certificates of MX hosts and MTA-STS policy hosts; absent: the system's",
      ),
    ),
    prefer: choice(['ipv4', 'ipv6'], 'Which addresses of a host are tried first', 'ipv4'),
  },
  'The workers that speak to the providers',
);

export const FeedbackConfig = strict(
  {
    smtp: strict(
      {
        ...listen('bounces, complaints and unsubscriptions', 7525),
        enabled: flag('Whether reports are taken by SMTP', true),
        hostname: text('Name in the greeting', { default: 'localhost' }),
        cert_file: optional(path('PEM certificate for STARTTLS; absent: one is made at each start')),
        key_file: optional(path('PEM key for STARTTLS')),
        max_connections: integer('Connections at once', 100, 1, 100_000),
        mails_per_minute: integer('Mails of one client address, a minute; above it 450', 1_200, 1),
      },
      'Inbound SMTP: the MX of `return_path_domain` and of `unsubscribe.mailto`',
    ),
    http: strict(
      listen('unsubscribe pages and reports', 7526),
      'Where `unsubscribe.url` must lead to, as /unsubscribe/{token}; and POST /v1/reports',
    ),
    max_report_bytes: integer('Largest report, bytes', 10_485_760, 10_240, 104_857_600),
    complaint_addresses: list(
      text('An address', { pattern: '^[^@\\s]+@[^@\\s]+$', expected: 'an address' }),
      'Addresses that are named to feedback loops (ARF)',
    ),
    soft_bounces: strict(
      {
        count: integer('So many messages', 3, 2, 1_000),
        within_days: integer('In so many days', 14, 1, 365),
        suppress_days: integer('Suppress for so many days', 30, 1, 3_650),
      },
      'Mailboxes that are full or inactive again and again, whichever campaign the messages were of',
    ),
  },
  'The service that takes bounces, complaints and unsubscriptions',
);

const spike = (what: string, warn: number, pause: number, mails: number, count: number, minutes: number) =>
  strict(
    {
      warn_share: share('From this share on people are told, 0 to 1', warn),
      pause_share: share('From this share on the scope is suspended, 0 to 1', pause),
      least_mails: integer('Fewer mails in the window say nothing', mails, 1),
      least_count: integer('Fewer of them say nothing', count, 1),
      window_minutes: integer('Length of the sliding window, minutes', minutes, 1, 4_320),
    },
    `Share of ${what}`,
  );

export const ShaperConfig = strict(
  {
    act: flag('Automation rules change what is sent; false: they only tell what they would do', true),
    spikes: strict(
      {
        suspend: list(
          choice(['campaign', 'tenant', 'pool', 'source'], 'A scope'),
          'Whose batch mail is suspended when a rate is above `pause_share`; of tenants, sources and providers that are not named people are only told',
          { default: ['campaign', 'pool'] },
        ),
        complaints: spike('complaints among delivered mails', 0.001, 0.003, 500, 5, 1_440),
        bounces: spike(
          'mails refused for good, blocks aside, among those that ended',
          0.05,
          0.1,
          200,
          20,
          60,
        ),
        blocks: spike(
          'answers that speak of lists, reputation or spam, among all tries',
          0.05,
          0.2,
          200,
          20,
          60,
        ),
      },
      'Rates of batch mail by campaign, tenant, pool, source and provider',
    ),
  },
  'The service that turns answers of providers into limits and suspensions',
);

export const WebhooksConfig = strict(
  {
    timeout_ms: integer('From connecting to the end of the answer, ms', 10_000, 100, 60_000),
    max_age_hours: integer('How long an event is tried, hours', 72, 1, 160),
    allow_http: flag('Endpoints may be http; for trying and testing', false),
    allow_addresses: list(
      text('A network', {
        pattern: '^[0-9a-fA-F:.]+/[0-9]{1,3}$',
        expected: 'an address and the length of its prefix, such as 127.0.0.0/8',
      }),
      'Networks that are connected to although they are not public, such as 127.0.0.0/8; everything else that is private, local or reserved is refused',
    ),
    ca_file: optional(path("PEM file of authorities for the endpoints' certificates; absent: the system's")),
  },
  'The service that posts events to the endpoints of tenants',
);

export const TelemetryConfig = strict(
  {
    otlp_endpoint: optional(
      text('OpenTelemetry collector (OTLP over HTTP), such as http://collector:4318; absent: none', {
        pattern: '^https?://',
      }),
    ),
    http: strict(listen('/metrics, /healthz and /readyz of each process', 0), 'Health and metrics'),
    log_level: choice(['trace', 'debug', 'info', 'warn', 'error'], 'What is logged, and worse', 'info'),
    sample_realtime: share('Share of realtime messages traced, 0 to 1', 1),
    sample_batch: share('Share of batch messages traced, 0 to 1; failures are always traced', 0.001),
  },
  'Logs, metrics, traces and health of every process',
);

export const SandboxConfig = strict(
  {
    http: strict(listen('page and API', 7480), 'Page and API'),
    smtp_port: integer('SMTP port, the same on every loopback address; 0: any free one', 7425, 0, 65_535),
    dns_port: integer('DNS port on 127.0.0.1; 0: any free one', 7453, 0, 65_535),
    behaviour_file: optional(path('YAML with the behaviour of each provider')),
    keep: choice(
      ['all', 'headers', 'none'],
      'What is kept of a mail: its source, its headers, or only counters and arrival times',
      'all',
    ),
    keep_messages: integer('Mails kept in memory', 10_000, 1),
    keep_bytes: integer('Their bytes', 67_108_864, 1_048_576),
    keep_arrivals: integer('Arrival times kept for GET /arrivals', 200_000, 0, 10_000_000),
    verify: choice(
      ['all', 'sample', 'off'],
      'Mails checked for SPF, DKIM and DMARC: all, one in a hundred, none',
      'all',
    ),
    answers: optional(
      strict(
        {
          smtp: text('Inbound SMTP of the sender', hostAndPort),
          http: optional(
            text('Takes the place of scheme and host in unsubscribe links', { pattern: '^https?://' }),
          ),
          complaint_address: optional(text('Where complaints are sent')),
        },
        'Where bounces, complaints and unsubscriptions go that come later; absent: none does',
      ),
    ),
    publish: list(
      strict(
        {
          name: text('Domain name'),
          type: choice(['A', 'AAAA', 'CNAME', 'MX', 'PTR', 'TXT'], 'Type'),
          value: text('As in a zone file: `10 mx.example.com.` for MX'),
          ttl: optional(integer('Time to live, seconds; absent: 60', 60, 0, 86_400)),
        },
        'A record',
      ),
      "DNS records to serve, such as the senders' DKIM keys, SPF and DMARC",
    ),
  },
  'Scripted providers on loopback, for trying and testing',
);

export const Config = strict({
  kafka: KafkaConfig,
  registry: RegistryConfig,
  redis: RedisConfig,
  tenants: named(TenantConfig, 'Who may send'),
  sources: named(SourceConfig, 'Egress sources: sending addresses or relays'),
  pools: named(PoolConfig, 'Weighted groups of sources'),
  warm_up_plans: named(WarmUpPlanConfig, 'Warm-up plans beside 100k, 1m and 10m'),
  dkim: list(DkimConfig, 'Signing keys by domain'),
  dkim_fallback_domain: optional(
    text('Domain of `dkim` whose keys sign for From domains that have none of their own'),
  ),
  return_path_domain: optional(
    text(
      'Domain of the VERP envelope sender; its MX must lead to the feedback service. Absent: the From domain',
    ),
  ),
  unsubscribe: optional(
    strict(
      {
        url: optional(
          text('https URL; {token} is replaced by a signed token', { pattern: '^https://.*\\{token\\}' }),
        ),
        mailto: optional(text('Address; +token is added to its local part')),
        secret: secret('Key of the tokens, 16 characters or more', { minLength: 16 }),
      },
      'List-Unsubscribe of batch messages (RFC 8058)',
    ),
  ),
  feedback_id_sender: text('SenderId of the Feedback-ID header', { default: 'millrace' }),
  blobs: BlobConfig,
  state_directory: path('Local caches of this process', { default: '.millrace/state' }),
  ingest: IngestConfig,
  router: RouterConfig,
  delivery: DeliveryConfig,
  feedback: FeedbackConfig,
  shaper: ShaperConfig,
  webhooks: WebhooksConfig,
  telemetry: TelemetryConfig,
  sandbox: SandboxConfig,
});

export type Config = Static<typeof Config>;
export type TenantConfig = Static<typeof TenantConfig>;
export type SourceConfig = Static<typeof SourceConfig>;
export type PoolConfig = Static<typeof PoolConfig>;
