/** The service: events into the queues of endpoints, and from there to the endpoints. */
import { readFileSync } from 'node:fs';
import {
  type CircuitPolicy,
  usualCircuit,
  usualSchedule,
  type WebhookEndpoint,
  type WebhookSchedule,
  webhookEndpoints,
} from '@millrace/core';
import type { Held, Kafka, KafkaLogger, WindowedConsumer } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';
import type { Config } from '@millrace/service';
import { addressGuard, type Resolve } from './address-guard.ts';
import { deliveryGroup, EndpointLane, type WebhookCounts } from './endpoint-lane.ts';
import { startFanOut } from './fan-out.ts';
import { Poster } from './poster.ts';
import { StateTable } from './state-table.ts';

export interface WebhooksOptions {
  readonly kafka: Kafka;
  readonly config: {
    readonly tenants: Parameters<typeof webhookEndpoints>[0];
    readonly webhooks: Config['webhooks'];
    readonly kafka: Pick<Config['kafka'], 'partitions' | 'replication_factor'>;
  };
  readonly logger: KafkaLogger;
  /** Waits between tries. Default: those of docs/webhooks.md. */
  readonly schedule?: WebhookSchedule;
  readonly circuit?: CircuitPolicy;
  /** Addresses of a name. Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** The clock, ms since the epoch. Default: the machine's. */
  readonly now?: () => number;
  /** From 0 to 1. Default: Math.random. */
  readonly random?: () => number;
}

export interface WebhooksStats extends Readonly<WebhookCounts> {
  /** Events put into queues. */
  readonly queued: number;
  /** Events in memory. */
  readonly inHand: number;
  /** Messages whose events wait in delay tiers, of the endpoints of this process. */
  readonly waiting: number;
  /** Endpoints that only get probes. */
  readonly open: number;
  /** Events that have not been looked at, and events in queues. */
  readonly lag: { readonly events: number; readonly queues: number };
}

export interface Webhooks {
  stats(): WebhooksStats;
  readonly ready: boolean;
  stop(): Promise<void>;
}

/** Unfinished events of one endpoint in memory, and their bytes as they are in Kafka. */
const window = { records: 500, bytes: 262_144 };

/** Creates the queues that are missing, and joins the groups. */
export async function startWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { kafka, config, logger, now = Date.now, random = Math.random, resolve } = options;
  const { webhooks: settings } = config;
  const endpoints = webhookEndpoints(config.tenants).filter(({ enabled }) => enabled);
  const counts: WebhookCounts = {
    delivered: 0,
    failed: 0,
    delayed: 0,
    dead: 0,
    requests: { taken: 0, refused: 0 },
  };
  if (endpoints.length === 0) return idle(counts);

  await kafka.createTopics({
    partitions: config.kafka.partitions,
    replicationFactor: config.kafka.replication_factor,
    only: [],
    queues: endpoints.map(({ topic }) => topic),
  });
  const producer = await kafka.producer();
  const state = await StateTable.follow(kafka, producer);
  const mayConnectTo = addressGuard(settings.allow_addresses);
  const ca = settings.ca_file === undefined ? undefined : readFileSync(settings.ca_file, 'utf8');
  const timeoutMs = settings.timeout_ms;
  const byTopic = new Map(endpoints.map((endpoint) => [endpoint.topic, endpoint]));
  const posters = new Map<string, Poster>(
    endpoints.map((endpoint) => [
      endpoint.id,
      new Poster({ endpoint, mayConnectTo, resolve, ca, timeoutMs }),
    ]),
  );
  const schedule = options.schedule ?? usualSchedule(settings.max_age_hours * 3_600_000);
  const circuit = options.circuit ?? usualCircuit;
  /** By the queue's partition as it was given to this process: given again, it is begun anew. */
  const lanes = new Map<AbortSignal, EndpointLane>();

  const laneOf = (endpoint: WebhookEndpoint, { lost }: Held<MessageEvent>): EndpointLane | undefined => {
    const known = lanes.get(lost);
    const poster = posters.get(endpoint.id);
    if (known !== undefined || poster === undefined) return known;
    const parts = { endpoint, poster, state, producer, logger, schedule, circuit, counts, now, random };
    const lane = new EndpointLane(parts, lost);
    lanes.set(lost, lane);
    lost.addEventListener('abort', () => lanes.delete(lost), { once: true });
    return lane;
  };

  const subscribers = await Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, since: await state.knownSince(endpoint.id, now()) })),
  );
  const delivery = await kafka.windowedConsumer({
    group: deliveryGroup,
    topics: [...byTopic.keys()],
    record: 'MessageEvent',
    startAt: 'earliest',
    window,
    fetch: { minBytes: 1, maxWaitMs: 500 },
    // What is not posted stays in the queue; requests are waited for before.
    drainMs: 0,
    handler: (held) => {
      const endpoint = byTopic.get(held.topic);
      if (endpoint !== undefined) laneOf(endpoint, held)?.take(held);
    },
  });
  const fanOut = await startFanOut(kafka, producer, subscribers);
  const consumers: readonly WindowedConsumer[] = [delivery, fanOut.consumer];
  let joined = false;
  let stopped = false;
  Promise.all(consumers.map((consumer) => consumer.joined())).then(
    () => {
      joined = true;
    },
    () => undefined,
  );
  const over = (of: (lane: EndpointLane) => number): number =>
    [...lanes.values()].reduce((sum, lane) => sum + of(lane), 0);
  return {
    stats: () => ({
      ...counts,
      requests: { ...counts.requests },
      queued: fanOut.queued(),
      inHand: over((lane) => lane.inHand),
      waiting: over((lane) => lane.waitingMessages),
      open: over((lane) => Number(lane.open)),
      lag: { events: fanOut.consumer.stats().lag, queues: delivery.stats().lag },
    }),
    get ready() {
      return producer.ready && joined && !stopped;
    },
    async stop() {
      stopped = true;
      await fanOut.consumer.stop();
      await Promise.all([...lanes.values()].map((lane) => lane.stop()));
      await delivery.stop();
      await Promise.all([...posters.values()].map((poster) => poster.stop()));
      await state.stop();
      await producer.stop();
    },
  };
}

/** Without endpoints nothing is read and nothing waits. */
const idle = (counts: WebhookCounts): Webhooks => ({
  stats: () => ({ ...counts, queued: 0, inHand: 0, waiting: 0, open: 0, lag: { events: 0, queues: 0 } }),
  ready: true,
  stop: async () => undefined,
});
