/** For tests: a Kafka of its own with delay tiers that run, receivers that fail as told, and what they got. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type CircuitPolicy,
  delayTiers,
  delayTopic,
  type EndpointSettings,
  newMessageId,
  topics,
  type WebhookSchedule,
  webhookEndpoints,
  webhookTopics,
} from '@millrace/core';
import type { Kafka, KafkaLogger } from '@millrace/kafka';
import { testInstallation, until } from '@millrace/kafka/testing';
import type { MessageEvent, WebhookAttempt } from '@millrace/schemas';
import { Webhook } from 'standardwebhooks';
import { startWebhooks, type Webhooks, type WebhooksOptions } from './webhooks.ts';

export const secret = `whsec_${Buffer.from('a secret of twenty-four bytes'.padEnd(32, '.')).toString('base64')}`;

/** An event as it is posted. */
export interface PostedEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** Events of the requests that it took, in their order. */
  readonly events: PostedEvent[];
  /** webhook-id of every request. */
  readonly ids: string[];
  /** Bodies of every request, and their headers. */
  readonly requests: { readonly body: string; readonly headers: Record<string, string> }[];
  /** Status of the next answer; default 200. undefined: none is given. */
  answer: (
    request: number,
    body: string,
  ) => number | undefined | { status: number; headers: Record<string, string> };
  most: number;
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** Answers 401 to what is not signed. */
export async function receiver(): Promise<Receiver> {
  const verifier = new Webhook(secret);
  let atOnce = 0;
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    atOnce += 1;
    received.most = Math.max(received.most, atOnce);
    const body = await bodyOf(request);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    received.requests.push({ body, headers });
    received.ids.push(headers['webhook-id'] ?? '');
    const answer = received.answer(received.requests.length, body);
    atOnce -= 1;
    if (answer === undefined) return;
    const { status, headers: more } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    try {
      verifier.verify(body, headers);
    } catch {
      response.writeHead(401).end();
      return;
    }
    if (status === 200) received.events.push(...JSON.parse(body).events);
    response.writeHead(status, more).end('said so');
  };
  const server = createServer((request, response) => void receive(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const received: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    events: [],
    ids: [],
    requests: [],
    answer: () => 200,
    most: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return received;
}

export interface WebhooksRig extends AsyncDisposable {
  readonly kafka: Kafka;
  /** The log of tries so far. */
  readonly log: readonly WebhookAttempt[];
  /** Starts the service; with it the tiers. */
  start(over?: Partial<WebhooksOptions>): Promise<Webhooks>;
  /** Writes to mail.events in this order. */
  tell(...events: readonly MessageEvent[]): Promise<void>;
  /** Dead letters of an endpoint's queue. */
  dead(topic: string): Promise<readonly { readonly value: MessageEvent; readonly reason: string }[]>;
  now(): number;
  shift(ms: number): void;
}

const silent = (): undefined => undefined;
const logger: KafkaLogger = { debug: silent, info: silent, warn: silent, error: silent };

/** Ends within the time that receivers allow a signature. */
export const schedule: WebhookSchedule = { quickMs: [20, 40], slowMs: [100], maxAgeMs: 240_000 };
export const circuit: CircuitPolicy = { failures: 5, firstWaitMs: 100, longestWaitMs: 200 };

export const endpointOf = (url: string, over: Partial<EndpointSettings> = {}): EndpointSettings => ({
  url,
  secrets: [secret],
  enabled: true,
  batch_events: 20,
  linger_ms: 20,
  requests: 4,
  ...over,
});

export const event = (messageId: string, kind: string, over: Partial<MessageEvent> = {}): MessageEvent => ({
  ...{ event_id: `${messageId}:${kind}`, kind, time: Date.now(), message_id: messageId, request_id: 'r' },
  ...{ tenant: 'acme', stream: 'batch', category: null, campaign: 'spring', recipient: 'ada@gmail.com' },
  ...{ domain: 'gmail.com', isp: 'gmail', site: 'gmail', pool: 'batch', source: 'ip1', mx: 'mx.google.test' },
  ...{ remote_address: null, attempt: 1, reply_code: 250, enhanced_code: '2.0.0', text: 'OK', phase: 'body' },
  ...{
    bounce_category: null,
    latency_ms: 5,
    attempt_ms: 2,
    size_bytes: 500,
    tls: null,
    next_attempt_at: null,
  },
  ...{ tags: ['a'], metadata: { order: '7' }, trace_id: null, sender_domain: 'acme.example' },
  ...over,
});

/** A life in three events. */
export const life = (messageId = newMessageId(Date.now())): readonly MessageEvent[] => [
  event(messageId, 'deferred', { reply_code: 451, next_attempt_at: Date.now() }),
  event(messageId, 'delivered'),
  event(messageId, 'complained'),
];

/** @param webhooks endpoints of the tenant acme */
export async function webhooksRig(
  webhooks: Readonly<Record<string, EndpointSettings>>,
): Promise<WebhooksRig> {
  const config: WebhooksOptions['config'] = {
    tenants: { acme: { webhooks } },
    webhooks: { timeout_ms: 2_000, max_age_hours: 72, allow_http: true, allow_addresses: ['127.0.0.0/8'] },
    kafka: { partitions: 2, replication_factor: 1 },
  };
  const names = [topics.events, webhookTopics.log, webhookTopics.state, ...delayTiers.map(delayTopic)];
  const installation = await testInstallation(names, 2);
  const { kafka } = installation;
  await kafka.createTopics({
    partitions: 2,
    replicationFactor: 1,
    only: [],
    queues: webhookEndpoints(config.tenants).map(({ topic }) => topic),
  });
  const producer = await kafka.producer();
  const log: WebhookAttempt[] = [];
  let shiftMs = 0;
  const now = (): number => Date.now() + shiftMs;
  await kafka.tail({
    topic: webhookTopics.log,
    record: 'WebhookAttempt',
    from: 'earliest',
    onRecord: ({ value }) => {
      log.push(value);
    },
  });
  // The scheduler's work, for waits of less than a second.
  await kafka.windowedConsumer({
    group: 'tiers',
    topics: delayTiers.map(delayTopic),
    record: 'DelayedTask',
    handler: (held) => {
      const { value: task, headers } = held;
      setTimeout(
        () => {
          producer
            .sendBytes(task.target_topic, { key: task.key, value: task.value, headers })
            .then(() => held.complete(), silent);
        },
        Math.max(0, task.due_at - now()),
      );
    },
  });
  const started: Webhooks[] = [];
  return {
    kafka,
    log,
    now,
    shift: (ms) => {
      shiftMs += ms;
    },
    start: async (over = {}) => {
      const own = await installation.connect();
      await own.registerSchemas();
      const service = await startWebhooks({ kafka: own, config, logger, schedule, circuit, now, ...over });
      started.push(service);
      await until(() => service.ready, 'the service');
      return service;
    },
    tell: async (...events) => {
      await Promise.all(
        events.map((value) => producer.send('MessageEvent', topics.events, { key: value.message_id, value })),
      );
    },
    dead: async (topic) => {
      const found: { value: MessageEvent; reason: string }[] = [];
      const tail = await kafka.tail({
        topic: `${topic}.dlq`,
        record: 'MessageEvent',
        from: 'earliest',
        onRecord: ({ value, headers }) => {
          found.push({ value, reason: String(headers['millrace-reason']) });
        },
      });
      await tail.caughtUp();
      await tail.stop();
      return found;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((service) => service.stop()));
      await installation[Symbol.asyncDispose]();
    },
  };
}
