/** A delivery worker on topics of its own, with a sandbox that it delivers to: what its tests stand on. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ControlKind,
  deadLetterTopic,
  delayTiers,
  delayTopic,
  type Isp,
  newMessageId,
  type Stream,
  shardTopic,
  topics,
} from '@millrace/core';
import { type Delivery, startWorker, type WorkerConfig } from '@millrace/delivery';
import type { Kafka, Producer, ReadRecord } from '@millrace/kafka';
import { testInstallation } from '@millrace/kafka/testing';
import { dkimKey, dkimRecord } from '@millrace/message';
import { type Sandbox, type SandboxOptions, startSandbox } from '@millrace/sandbox';
import type { ControlState, DelayedTask, DeliveryTask, MessageEvent, Template } from '@millrace/schemas';
import { connectRedis, type RedisConnection } from '@millrace/service';
import { parseShaping } from '@millrace/shaping';
import { DnsResolver, policyFetch, StsPolicies } from '@millrace/smtp';

/** Sends from acme.example, which the sandbox knows. */
const senderDomain = 'acme.example';

/** Limits that no test meets unless it is about them. */
const shapingText = `
default:
  connection_limit: 5
  max_deliveries_per_connection: 50
  idle_timeout: 60s
  tls: opportunistic
`;

export interface RigOptions {
  readonly stream?: Stream;
  /** Another stream whose shards are there too, for a worker of its own. */
  readonly beside?: Stream;
  /** Topics beside those of delivery. */
  readonly topics?: readonly string[];
  readonly isps?: readonly Isp[];
  readonly sandbox?: SandboxOptions;
  /** YAML. */
  readonly shaping?: string;
  readonly sources?: WorkerConfig['sources'];
  readonly pools?: WorkerConfig['pools'];
  readonly delivery?: Partial<WorkerConfig['delivery']>;
  /** Default: that of the environment. */
  readonly redisUrl?: string;
  readonly partitions?: number;
}

export interface WorkerOverrides {
  readonly stream?: Stream;
  readonly shaping?: string;
  readonly redis?: RedisConnection;
  readonly random?: () => number;
  /** HTTPS port of policy hosts. */
  readonly policyPort?: number;
  /** PEM of authorities beside the sandbox's. */
  readonly ca?: string;
}

export interface DeliveryRig {
  readonly kafka: Kafka;
  /** Before the names of topics and groups. */
  readonly topicPrefix: string;
  readonly producer: Producer;
  readonly sandbox: Sandbox;
  readonly config: WorkerConfig;
  readonly redis: RedisConnection;
  readonly events: MessageEvent[];
  readonly delays: ReadRecord<DelayedTask>[];
  readonly deadLetters: ReadRecord<DeliveryTask>[];
  /** Moves the workers' clock, ms. */
  shift(ms: number): void;
  startWorker(overrides?: WorkerOverrides): Promise<Delivery>;
  /** A composed task to an address; `overrides` replace fields. */
  task(recipient: string, overrides?: Partial<DeliveryTask>): DeliveryTask;
  /** Writes tasks to their shards. */
  send(...tasks: readonly DeliveryTask[]): Promise<void>;
  template(template: Partial<Template> & Pick<Template, 'template_id'>): Promise<void>;
  /** Sets a control; `value`: what its kind takes. Answers with its key. */
  control(kind: ControlKind, scope: string, overrides?: Partial<ControlState>): Promise<string>;
  /** Undoes a control by its key. */
  undo(key: string): Promise<void>;
  /** Puts delayed records back into their shards, as the scheduler would when they are due; resolves to how many. */
  releaseDelayed(): Promise<number>;
  /** Looks again whenever a record arrives, and now and then, until there is a value. */
  until<T>(look: () => T | undefined | false, what?: string): Promise<T>;
  /** The first event of this kind of a message. */
  event(task: DeliveryTask, kind: string): Promise<MessageEvent>;
  kindsOf(task: DeliveryTask): readonly string[];
  stop(): Promise<void>;
}

const ignore = (): undefined => undefined;
export const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
/** Shows what goes wrong where MILLRACE_TEST_LOG is set. */
const logger = process.env.MILLRACE_TEST_LOG
  ? { ...silent, warn: console.warn, error: console.error }
  : silent;

const ispSites: Readonly<Record<string, { readonly isp: Isp; readonly site: string }>> = {
  'gmail.com': { isp: 'gmail', site: '(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com' },
  'yahoo.com': { isp: 'yahoo', site: '(mta5|mta6|mta7).am0.yahoodns.net' },
  'comcast.net': { isp: 'comcast', site: 'mx1a1.comcast.net' },
};

const dayMs = 86_400_000;

export const startRig = async (options: RigOptions = {}): Promise<DeliveryRig> => {
  const { stream = 'batch', beside, isps = ['gmail', 'yahoo', 'other'] } = options;
  const directory = mkdtempSync(join(tmpdir(), 'millrace-delivery-'));
  const dkim = [
    { selector: 'rsa', algorithm: 'rsa-sha256' as const },
    { selector: 'ed', algorithm: 'ed25519-sha256' as const },
  ].map(({ selector, algorithm }) => {
    const { privateKey } =
      algorithm === 'rsa-sha256'
        ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
        : generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const file = join(directory, `${selector}.pem`);
    writeFileSync(file, pem);
    const record = dkimRecord(dkimKey({ domain: senderDomain, selector, algorithm, pem }));
    return { selector, algorithm, key_file: file, record };
  });
  const shards = [stream, beside].flatMap((one) =>
    one === undefined ? [] : isps.map((isp) => shardTopic(one, isp)),
  );
  const tiers = delayTiers.map(delayTopic);
  const [installation, sandbox] = await Promise.all([
    testInstallation(
      [
        ...[...shards, ...shards.map(deadLetterTopic), ...tiers],
        ...[topics.events, topics.templates, topics.control, topics.suppressionChanges],
        ...(options.topics ?? []),
      ],
      options.partitions,
    ),
    startSandbox({
      seed: 1,
      ...options.sandbox,
      publish: [
        ...dkim.map(({ selector, record }) => ({
          name: `${selector}._domainkey.${senderDomain}`,
          type: 'TXT' as const,
          value: record,
        })),
        { name: senderDomain, type: 'TXT', value: 'v=spf1 ip4:127.0.0.0/8 -all' },
        { name: `_dmarc.${senderDomain}`, type: 'TXT', value: 'v=DMARC1; p=reject' },
        ...(options.sandbox?.publish ?? []),
      ],
    }),
  ]);
  const { kafka } = installation;
  const prefix = installation.options.topicPrefix ?? '';
  const config: WorkerConfig = {
    sources: options.sources ?? { one: { address: '127.0.3.1', ehlo: 'one.acme.example' } },
    pools: options.pools ?? { main: { stream, sources: [{ source: 'one', weight: 1 }] } },
    dkim: [{ domain: senderDomain, keys: dkim.map(({ record: _, ...key }) => key) }],
    unsubscribe: { url: 'https://acme.example/u/{token}', secret: 'a secret of this test' },
    feedback_id_sender: 'millrace',
    blobs: { kind: 'file', directory: join(directory, 'blobs') },
    redis: { url: options.redisUrl ?? process.env.REDIS_URL ?? '', key_prefix: `test:${prefix}` },
    ingest: { max_message_bytes: 26_214_400 },
    router: { max_age_hours: { realtime: 24, batch: 72 } },
    delivery: {
      port: sandbox.smtpPort,
      loopback_only: true,
      max_connections: 200,
      window_records: 1_000,
      window_bytes: 8_388_608,
      journal_days: 1,
      prefer: 'ipv4',
      ...options.delivery,
    },
  };
  const redis = connectRedis(config, logger);
  if (!(await redis.connected(10_000))) throw new Error('Redis does not answer: run the tests by npm test.');
  const resolver = new DnsResolver({ servers: [sandbox.dnsServer], timeoutMs: 2_000 });
  const producer = await kafka.producer();

  const waiting = new Set<() => void>();
  const events: MessageEvent[] = [];
  const delays: ReadRecord<DelayedTask>[] = [];
  const deadLetters: ReadRecord<DeliveryTask>[] = [];
  const collect =
    <T>(into: T[]) =>
    (record: T): void => {
      into.push(record);
      for (const look of [...waiting]) look();
    };
  const from = 'earliest' as const;
  await Promise.all([
    kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from,
      onRecord: (record) => collect(events)(record.value),
    }),
    ...tiers.map((topic) => kafka.tail({ topic, record: 'DelayedTask', from, onRecord: collect(delays) })),
    ...shards.map((shard) =>
      kafka.tail({
        topic: deadLetterTopic(shard),
        record: 'DeliveryTask',
        from,
        onRecord: collect(deadLetters),
      }),
    ),
  ]);

  let shiftMs = 0;
  const now = (): number => Date.now() + shiftMs;
  const workers: Delivery[] = [];
  const until: DeliveryRig['until'] = (look, what = String(look)) =>
    new Promise((resolve, reject) => {
      const again = (): void => {
        const found = look();
        if (found === undefined || found === false) return;
        waiting.delete(again);
        clearTimeout(limit);
        clearInterval(timer);
        resolve(found);
      };
      const timer = setInterval(again, 20);
      const limit = setTimeout(() => {
        waiting.delete(again);
        clearInterval(timer);
        reject(new Error(`Never came to be: ${what}`));
      }, 90_000);
      waiting.add(again);
      again();
    });
  let released = 0;

  return {
    kafka,
    topicPrefix: prefix,
    producer,
    sandbox,
    config,
    redis,
    events,
    delays,
    deadLetters,
    shift: (ms) => {
      shiftMs += ms;
    },
    startWorker: async (overrides = {}) => {
      const ca = `${sandbox.ca}\n${overrides.ca ?? ''}`;
      const port = overrides.policyPort;
      const fetch = policyFetch({ resolver, ca, loopbackOnly: true, ...(port !== undefined && { port }) });
      const worker = await startWorker({
        config,
        kafka,
        redis: overrides.redis ?? redis,
        resolver,
        policies: new StsPolicies({ resolver, fetch, now }),
        shaping: parseShaping(overrides.shaping ?? options.shaping ?? shapingText, 'shaping.yaml'),
        stream: overrides.stream ?? stream,
        shards: isps,
        logger,
        ca,
        now,
        ...(overrides.random === undefined ? {} : { random: overrides.random }),
      });
      workers.push(worker);
      await worker.joined();
      return worker;
    },
    task: (recipient, overrides = {}) => {
      const domain = recipient.slice(recipient.lastIndexOf('@') + 1);
      const known = ispSites[domain] ?? { isp: 'other', site: `mx.${domain}` };
      const at = now();
      return {
        message_id: newMessageId(at, (bytes) => crypto.getRandomValues(bytes)),
        request_id: 'request',
        tenant: 'acme',
        stream,
        category: null,
        campaign: null,
        mail_from: { address: `news@${senderDomain}`, name: 'Acme' },
        recipient,
        recipient_name: null,
        domain,
        ...known,
        pool: 'main',
        raw: null,
        blob: null,
        template_id: null,
        template_version: null,
        variables: null,
        composed: { subject: 'Hello', text: 'Hello there.', html: null, attachments: [] },
        headers: [],
        reply_to: null,
        tags: ['test'],
        metadata: { order: '17' },
        attempt: 0,
        accepted_at: at,
        send_at: null,
        deadline: at + 30_000,
        expires_at: at + dayMs,
        guarantee: 'at_least_once',
        ...overrides,
      };
    },
    send: async (...tasks) => {
      await Promise.all(
        tasks.map((task) =>
          producer.send('DeliveryTask', `mail.${task.stream}.${task.isp}`, { key: task.domain, value: task }),
        ),
      );
    },
    template: async (template) => {
      const value: Template = {
        tenant: 'acme',
        version: 1,
        language: 'liquid',
        subject: '',
        text: null,
        html: null,
        headers: [],
        created_at: now(),
        deleted: false,
        ...template,
      };
      const key = `${value.tenant}/${value.template_id}@${value.version}`;
      await producer.send('Template', topics.templates, { key, value });
    },
    control: async (kind, scope, overrides = {}) => {
      const key = `${kind}|${scope}`;
      const value: ControlState = {
        scope,
        kind,
        until: null,
        reason: 'a test',
        author: 'test',
        set_at: now(),
        value: null,
        ...overrides,
      };
      await producer.send('ControlState', topics.control, { key, value });
      return key;
    },
    undo: (key) => producer.sendTombstone(topics.control, key),
    releaseDelayed: async () => {
      const due = delays.slice(released);
      released = delays.length;
      await Promise.all(
        due.map(({ value, headers }) =>
          producer.sendBytes(value.target_topic, { key: value.key, value: value.value, headers }),
        ),
      );
      return due.length;
    },
    until,
    event: (task, kind) =>
      until(
        () => events.find((event) => event.message_id === task.message_id && event.kind === kind),
        `${kind} of ${task.recipient}; so far ${events.map((event) => `${event.kind} ${event.recipient} ${event.text}`).join('; ')}`,
      ),
    kindsOf: (task) => events.filter((event) => event.message_id === task.message_id).map(({ kind }) => kind),
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
      await producer.stop();
      await sandbox.stop();
      await resolver.stop();
      if (redis.ready) await forget(redis, config.redis.key_prefix);
      await redis.stop();
      await installation[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

/** Removes what the workers have left in Redis. */
const forget = async ({ client }: RedisConnection, prefix: string): Promise<void> => {
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000);
    cursor = next;
    if (keys.length > 0) await client.del(...keys);
  } while (cursor !== '0');
};

/** A fresh id, for names that must not meet those of other tests. */
export const unique = (): string => randomUUID().slice(0, 8);
