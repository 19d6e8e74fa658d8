/** The router on a Kafka connection: follows what it has to know, then consumes its stream's requests. */
import { randomInt } from 'node:crypto';
import {
  applySuppression,
  requestTopic,
  routerGroup,
  type Stream,
  SuppressionIndex,
  tenantFacts,
  topics,
} from '@millrace/core';
import type { Kafka, KafkaLogger } from '@millrace/kafka';
import type { Config } from '@millrace/service';
import { coalesced } from './coalesced.ts';
import { DomainRoutes, type MxLookup } from './domain-routes.ts';
import { observe } from './metrics.ts';
import { Router } from './router.ts';
import { activeTraceId, inRoutingSpan } from './routing-span.ts';
import { RoutingTally } from './routing-tally.ts';
import { TemplateVersions } from './template-versions.ts';

/** The parts of the configuration that the router reads. */
export type RoutingConfig = Pick<Config, 'tenants' | 'pools' | 'dkim' | 'router'> & {
  readonly kafka: Pick<Config['kafka'], 'partitions'>;
};

export interface RoutingOptions {
  readonly config: RoutingConfig;
  /** Whose requests it takes: `mail.requests.realtime`, or `mail.requests`. */
  readonly stream: Stream;
  /** Connected, schemas registered, topics created. Stays the caller's to stop. */
  readonly kafka: Kafka;
  /** Where mail exchangers are asked for. */
  readonly lookup: MxLookup;
  readonly logger: KafkaLogger;
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number;
  /** How long `stop` waits for requests under way, ms. Default 10,000. */
  readonly drainMs?: number;
}

/** A running router. */
export interface RunningRouter {
  /** Counts since start. */
  readonly tally: RoutingTally;
  /** Whether brokers take records and the group has been joined. */
  readonly ready: boolean;
  /** Resolves when it has been given its partitions. */
  joined(): Promise<void>;
  /** Takes no new request, finishes those under way, commits, leaves. */
  stop(): Promise<void>;
}

/**
 * What a process holds however much waits in Kafka: encoded requests under way, of all partitions together, and records
 * that it has made of them and that are not acknowledged, of each stream.
 */
const requestBytes = 16_777_216;
const unacknowledgedBytes = 8_388_608;
/** Batch mail is not urgent to some ms: it is read and written in few, large pieces. */
const batchFetch = { minBytes: 65_536, maxWaitMs: 50 };
const batchLingerMs = 5;
/** What a router that dies has routed since is routed again, and not sent again: the journal knows it. */
const batchCommitMs = 500;
const hourMs = 3_600_000;

/**
 * Starts routing. Resolves when it consumes: not before suppressions and templates have been read to their end,
 * because nothing may be routed to an address that is suppressed.
 */
export const startRouting = async (options: RoutingOptions): Promise<RunningRouter> => {
  const { config, stream, kafka, lookup, logger, now = Date.now } = options;
  const suppressions = new SuppressionIndex(randomInt(2 ** 32));
  const templates = new TemplateVersions();
  const tally = new RoutingTally();
  const suppressionTable = await kafka.followedTable({
    topic: topics.suppressions,
    record: 'Suppression',
    onChange: (key, suppression) => applySuppression(suppressions, key, suppression),
  });
  const templateTable = await kafka.followedTable({
    topic: topics.templates,
    record: 'Template',
    onChange: (key, template) => templates.apply(key, template),
  });
  const makeProducer = (lingerMs: number) =>
    kafka.producer({ lingerMs, maxInFlightBytes: unacknowledgedBytes });
  const [realtime, batch] = await Promise.all([makeProducer(0), makeProducer(batchLingerMs)]);
  const routes = new DomainRoutes({ lookup, maxEntries: config.router.dns_cache_entries, now });
  await Promise.all([suppressionTable.caughtUp(), templateTable.caughtUp()]);
  logger.info({ suppressions: suppressions.size }, 'suppressions and templates are known');

  const tenants = tenantFacts(config);
  const ages = config.router.max_age_hours;
  const router = new Router({
    tenants,
    suppressions,
    templates,
    catchUpTemplates: coalesced(() => templateTable.catchUp()),
    routes,
    codec: kafka.codec,
    producers: { realtime, batch },
    tally,
    maxAgeMs: { realtime: ages.realtime * hourMs, batch: ages.batch * hourMs },
    now,
    traceId: activeTraceId,
  });
  const consumer = await kafka.windowedConsumer({
    group: routerGroup(stream),
    topics: [requestTopic(stream)],
    record: 'SendRequest',
    // One process may have all partitions.
    window: { records: Math.ceil(config.router.in_flight / config.kafka.partitions) },
    ...(stream === 'batch' ? { fetch: batchFetch, commitIntervalMs: batchCommitMs } : {}),
    totalBytes: requestBytes,
    reuseMemory: true,
    drainMs: options.drainMs ?? 10_000,
    handler: (held) => inRoutingSpan(held, tenants.get(held.value.tenant), () => router.route(held)),
  });
  const unobserve = observe({ stream, tally, routes, suppressions, consumer });
  let joined = false;
  consumer.joined().then(
    () => {
      joined = true;
    },
    (error: unknown) => logger.error({ error: String(error) }, 'the group was not joined'),
  );
  return {
    tally,
    get ready() {
      return joined && realtime.ready && batch.ready;
    },
    joined: () => consumer.joined(),
    stop: async () => {
      await consumer.stop();
      unobserve();
      await Promise.all([realtime.stop(), batch.stop(), suppressionTable.stop(), templateTable.stop()]);
    },
  };
};
