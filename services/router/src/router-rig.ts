/** A router on real topics of its own, with everything that it writes collected: what its tests stand on. */
import { randomUUID } from 'node:crypto';
import { deadLetterTopic, requestTopic, type Stream, streams, topics } from '@millrace/core';
import { connectKafka, type Kafka, type Producer, type ReadRecord } from '@millrace/kafka';
import type { DelayedTask, DeliveryTask, MessageEvent, SendRequest } from '@millrace/schemas';
import type { MxAnswer } from './domain-routes.ts';
import { type RoutingConfig, type RunningRouter, startRouting } from './routing.ts';

export const testConfig: RoutingConfig = {
  tenants: {
    acme: {
      default_stream: 'batch',
      categories: {},
      from_domains: ['acme.example'],
      pools: { realtime: 'fast', batch: 'bulk' },
      api_keys: [],
    },
  },
  pools: {
    fast: { stream: 'realtime', sources: [{ source: 'one', weight: 1 }] },
    bulk: { stream: 'batch', sources: [{ source: 'two', weight: 1 }] },
    slow: { stream: 'batch', sources: [{ source: 'two', weight: 1 }] },
  },
  dkim: [],
  kafka: { partitions: 2 },
  router: {
    dns_cache_entries: 1_000,
    dns_servers: [],
    dns_timeout_ms: 1_000,
    max_age_hours: { realtime: 24, batch: 72 },
    in_flight: 2_000,
  },
};

/** A request that is good as it is. */
export const requestTo = (...addresses: readonly string[]): SendRequest => ({
  request_id: '',
  tenant: 'acme',
  idempotency_key: null,
  accepted_at: 0,
  via: 'avro',
  stream: null,
  category: null,
  campaign: null,
  mail_from: { address: 'news@acme.example', name: 'Acme' },
  recipients: addresses.map((address) => ({ message_id: null, address, name: null, variables: null })),
  raw: null,
  blob: null,
  template_id: null,
  template_version: null,
  variables: null,
  composed: { subject: 'Hello', text: 'Hi', html: null, attachments: [] },
  headers: [],
  reply_to: null,
  tags: [],
  metadata: {},
  send_at: null,
  expires_at: null,
  pool: null,
  guarantee: 'at_least_once',
  routing_attempts: 0,
});

const readTopics = {
  tasks: [
    'mail.realtime.gmail',
    'mail.realtime.other',
    'mail.batch.gmail',
    'mail.batch.office365',
    'mail.batch.other',
  ],
  delays: ['mail.delay.10s', 'mail.delay.1m', 'mail.delay.10m', 'mail.delay.1h'],
};

export interface RouterRig {
  readonly kafka: Kafka;
  readonly producer: Producer;
  readonly prefix: string;
  /** Answers by domain; what is not there does not exist. */
  readonly dns: Map<string, MxAnswer>;
  readonly lookups: string[];
  readonly events: MessageEvent[];
  readonly tasks: ReadRecord<DeliveryTask>[];
  readonly delays: ReadRecord<DelayedTask>[];
  readonly deadLetters: ReadRecord<SendRequest>[];
  /** Moves the router's clock, ms. */
  shift(ms: number): void;
  /** Default: batch. */
  startRouter(stream?: Stream): Promise<RunningRouter>;
  /** Puts it on the stream's topic, by default batch's. */
  send(request: SendRequest, stream?: Stream): Promise<void>;
  /** Looks again whenever a record arrives, until there is a value. */
  until<T>(look: () => T | undefined): Promise<T>;
  /** The kinds of all events of a recipient so far, in order. */
  kindsOf(recipient: string): readonly string[];
  stop(): Promise<void>;
}

const required = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests by npm test`);
  return value;
};

export const startRig = async (): Promise<RouterRig> => {
  const prefix = `router-${randomUUID().slice(0, 8)}.`;
  const ignore = (): undefined => undefined;
  const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const kafka = await connectKafka({
    brokers: required('KAFKA_BROKERS').split(','),
    clientId: 'router-test',
    topicPrefix: prefix,
    registry: { url: required('SCHEMA_REGISTRY_URL') },
  });
  await kafka.registerSchemas();
  await kafka.createTopics({
    partitions: 2,
    replicationFactor: 1,
    only: [
      ...Object.values(topics),
      ...streams.map((stream) => deadLetterTopic(requestTopic(stream))),
      ...readTopics.tasks,
      ...readTopics.delays,
    ],
  });
  const producer = await kafka.producer();
  const dns = new Map<string, MxAnswer>();
  const lookups: string[] = [];
  const waiting = new Set<() => void>();
  const arrived = (): void => {
    for (const look of [...waiting]) look();
  };
  const events: MessageEvent[] = [];
  const tasks: ReadRecord<DeliveryTask>[] = [];
  const delays: ReadRecord<DelayedTask>[] = [];
  const deadLetters: ReadRecord<SendRequest>[] = [];
  const collect =
    <T>(into: T[]) =>
    (record: T): void => {
      into.push(record);
      arrived();
    };
  await Promise.all([
    kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from: 'earliest',
      onRecord: (record) => collect(events)(record.value),
    }),
    ...readTopics.tasks.map((topic) =>
      kafka.tail({ topic, record: 'DeliveryTask', from: 'earliest', onRecord: collect(tasks) }),
    ),
    ...readTopics.delays.map((topic) =>
      kafka.tail({ topic, record: 'DelayedTask', from: 'earliest', onRecord: collect(delays) }),
    ),
    ...streams.map((stream) =>
      kafka.tail({
        topic: deadLetterTopic(requestTopic(stream)),
        record: 'SendRequest',
        from: 'earliest',
        onRecord: collect(deadLetters),
      }),
    ),
  ]);

  let shiftMs = 0;
  const routers: RunningRouter[] = [];
  return {
    kafka,
    producer,
    prefix,
    dns,
    lookups,
    events,
    tasks,
    delays,
    deadLetters,
    shift: (ms) => {
      shiftMs += ms;
    },
    startRouter: async (stream = 'batch') => {
      const router = await startRouting({
        config: testConfig,
        stream,
        kafka,
        lookup: {
          resolve: async (domain) => {
            lookups.push(domain);
            return dns.get(domain) ?? { kind: 'no_domain' };
          },
        },
        logger: silent,
        now: () => Date.now() + shiftMs,
      });
      routers.push(router);
      await router.joined();
      return router;
    },
    send: (request, stream = 'batch') =>
      producer.send('SendRequest', requestTopic(stream), { key: randomUUID(), value: request }),
    until: (look) =>
      new Promise((resolve, reject) => {
        const again = (): void => {
          const found = look();
          if (found === undefined) return;
          waiting.delete(again);
          clearTimeout(limit);
          resolve(found);
        };
        const limit = setTimeout(() => {
          waiting.delete(again);
          reject(new Error(`Never came to be: ${look}`));
        }, 20_000);
        waiting.add(again);
        again();
      }),
    kindsOf: (recipient) => events.filter((event) => event.recipient === recipient).map(({ kind }) => kind),
    stop: async () => {
      await Promise.all(routers.map((router) => router.stop()));
      await producer.stop();
      await kafka.stop();
    },
  };
};
