/** The delivery worker on a Kafka connection: everything that it is made of, put together. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Isp, isps, messageLimitsOf, type Shaping, type Stream, shardTopic } from '@millrace/core';
import type { ConsumerStats, Kafka, KafkaLogger, WindowedConsumer } from '@millrace/kafka';
import { createBlobStore, messageFacts } from '@millrace/message';
import type { Config, RedisConnection } from '@millrace/service';
import type { DnsResolver, StsPolicies } from '@millrace/smtp';
import { Attempts } from './attempts.ts';
import { Claiming } from './claiming.ts';
import { ConnectionPlaces } from './connection-places.ts';
import { Connector } from './connector.ts';
import { Controls } from './control/controls.ts';
import { HeldBack } from './control/held-back.ts';
import { SourceChoices } from './control/source-choice.ts';
import { Destinations } from './destinations.ts';
import { egressPools } from './egress.ts';
import { Intake } from './intake.ts';
import type { Job } from './job.ts';
import { JournalLook } from './journal-look.ts';
import type { Lane } from './lane.ts';
import { reportLanes } from './lane-reports.ts';
import { Lanes } from './lanes.ts';
import { LateSuppressions } from './late-suppressions.ts';
import { MemoryBudget } from './memory-budget.ts';
import { limitedFacts, MessageGates } from './message-gates.ts';
import { Latencies, observe } from './metrics.ts';
import { OutcomeWriter } from './outcome-writer.ts';
import { Preparation } from './preparation.ts';
import { sharedState } from './redis/shared-state.ts';
import { DeliveryTally } from './tally.ts';
import { Templates } from './templates.ts';
import { openTerms } from './terms.ts';

/** The parts of the configuration that a worker reads. */
export type WorkerConfig = Pick<
  Config,
  | 'sources'
  | 'pools'
  | 'dkim'
  | 'dkim_fallback_domain'
  | 'return_path_domain'
  | 'unsubscribe'
  | 'feedback_id_sender'
  | 'blobs'
  | 'delivery'
  | 'redis'
> & {
  readonly ingest: Pick<Config['ingest'], 'max_message_bytes'>;
  readonly router: Pick<Config['router'], 'max_age_hours'>;
};

export interface WorkerOptions {
  readonly config: WorkerConfig;
  /** Connected, schemas registered, topics created. Stays the caller's to stop. */
  readonly kafka: Kafka;
  /** Stays the caller's to stop. */
  readonly redis: RedisConnection;
  readonly resolver: DnsResolver;
  /** MTA-STS of the recipients' domains. */
  readonly policies: Pick<StsPolicies, 'find'>;
  readonly shaping: Shaping;
  readonly stream: Stream;
  /** Default: all. */
  readonly shards?: readonly Isp[];
  readonly logger: KafkaLogger;
  /** PEM of the authorities for recipients' certificates. Default: Node's. */
  readonly ca?: string;
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number;
  /** 0 <= x < 1. Default: Math.random. */
  readonly random?: () => number;
}

export interface LaneStats {
  readonly lane: string;
  readonly backlog: number;
  readonly sessions: number;
  readonly sent: number;
  readonly throttled: boolean;
  /** Connections that all workers together may have. */
  readonly connections: number;
  /** Messages a second that all workers together may send; null: no limit. */
  readonly messagesPerSecond: number | null;
  /** Its connections fail: until when none is opened, ms since the epoch. */
  readonly heldUntil: number | undefined;
}

export interface DeliveryStats {
  readonly consumer: ConsumerStats;
  readonly lanes: readonly LaneStats[];
  readonly connections: number;
  /** Of mails that are rendered and not sent yet, bytes: an estimate. */
  readonly preparedBytes: number;
  /** Messages that a suspension holds back. */
  readonly held: number;
  /** Controls that are known and in force. */
  readonly controls: number;
  /** Why the applied shaping file is not in force; null: it is, or none is applied. */
  readonly shapingProblem: string | null;
}

/** A running worker. */
export interface Delivery {
  /** Counts since start. */
  readonly tally: DeliveryTally;
  /** Whether brokers take records and the group has been joined. */
  readonly ready: boolean;
  stats(): DeliveryStats;
  /** Resolves when it has been given its partitions. */
  joined(): Promise<void>;
  /** Begins no further mail, finishes those in a session, writes down what came of them, commits, leaves. */
  stop(): Promise<void>;
}

/** Records in this process, all partitions together, bytes. */
const windowBytes = 33_554_432;
/** Mails that are rendered and not sent yet, bytes. */
const preparedBytes = 50_331_648;
/** Batch mail is not urgent to some ms: it is read, and what became of it written, in few, large pieces. */
const batchFetch = { minBytes: 65_536, maxWaitMs: 100 };
const batchLingerMs = 20;
/** What a worker that dies has done since is told again, under the same event ids. */
const batchCommitMs = 500;
const hourMs = 3_600_000;
/** How long stopping waits for outcomes to be written, ms: Kafka may be away. */
const writtenLimitMs = 8_000;
/** Each event alone would cost Kafka and this worker as much as a dozen together, ms. */
const realtimeGatherMs = 15;
/** A session gives way after so many mails, when others wait for its place. */
const quantum = 10;

/** Starts a worker. Resolves when it has asked for its partitions. */
export const startWorker = async (options: WorkerOptions): Promise<Delivery> => {
  const {
    config,
    kafka,
    redis,
    resolver,
    policies,
    shaping,
    stream,
    logger,
    now = Date.now,
    random = Math.random,
  } = options;
  const shards = options.shards ?? isps;
  const stopping = new AbortController();
  const tally = new DeliveryTally();
  const [templates, producer, controls] = await Promise.all([
    Templates.follow(kafka),
    kafka.producer(stream === 'batch' ? { lingerMs: batchLingerMs } : {}),
    Controls.follow({
      kafka,
      shaping,
      logger,
      now,
      onChange: (ways) => {
        lanes.limitsChanged();
        if (controls.messageLimits !== limitsBefore) {
          limitsBefore = controls.messageLimits;
          gates.release();
        }
        if (!ways) return;
        intake.placeAnew(lanes.displace(staysIn));
        heldBack.release();
      },
    }),
  ]);
  const shared = sharedState({
    client: redis.client,
    keyPrefix: config.redis.key_prefix,
    stream,
    journalDays: config.delivery.journal_days,
    onFree: (lane) => lanes.known(lane)?.leaseFree(),
    onLost: (lease) => lanes.known(lease.lane)?.leaseLost(lease),
    onPresence: (here) => {
      if (here) intake.redisIsBack();
    },
  });
  const { journal, census, presence } = shared;
  const outcomes = new OutcomeWriter({
    codec: kafka.codec,
    producer,
    journal,
    tally,
    latencies: new Latencies(),
    gatherMs: stream === 'realtime' ? realtimeGatherMs : 0,
    logger,
    random,
    now,
  });
  const attempts = new Attempts({ journal, outcomes, tally, now });
  // Realtime is sent as soon as it is routed.
  const suppressions = stream === 'batch' ? new LateSuppressions(stream) : undefined;
  const mayBeSent = (job: Job): boolean =>
    attempts.mayBeSent(job) && (suppressions?.allows(job, outcomes, now()) ?? true);
  const preparation = new Preparation({
    facts: messageFacts(config),
    templates,
    blobs: createBlobStore(config.blobs),
    maxBlobBytes: config.ingest.max_message_bytes,
    outcomes,
    now,
  });
  const look = new JournalLook({
    journal,
    census,
    inSession: attempts.inSession,
    outcomes,
    stream,
    logger,
    now,
  });
  const claiming = new Claiming({
    attempts,
    look,
    prepare: (job) => preparation.prepare(job),
    place: (jobs) => intake.placeAnew(jobs),
    now,
  });
  const pools = egressPools(config, stream, hostname());
  const connector = new Connector({
    resolver,
    port: config.delivery.port,
    prefer: config.delivery.prefer,
    loopbackOnly: config.delivery.loopback_only,
    ca: options.ca,
    random,
    signal: stopping.signal,
  });
  const places = new ConnectionPlaces(config.delivery.max_connections);
  const memory = new MemoryBudget(preparedBytes);
  let consuming: WindowedConsumer | undefined;
  const lanes: Lanes = new Lanes({
    stream,
    limitsOf: (lane) => controls.limitsOf(lane),
    sources: () => choices.sources,
    alternatives: (job, lane) => choices.alternatives(job.held.value, lane.isp, lane.source),
    displaced: (jobs) => intake.placeAnew(jobs),
    paused: () => stream === 'batch' && presence.state === 'away',
    sharedWindow: (isp) => {
      // The sources of one pool take over from one another, so that they do not wait for each other.
      if (isp !== 'other' && pools.size < 2 && !controls.hasOwnDomains) return undefined;
      const ofPartition = config.delivery.window_records;
      const topic = shardTopic(stream, isp);
      const partitions = consuming?.assignments().filter((one) => one.topic === topic).length ?? 0;
      return { ofPartition, records: ofPartition * partitions };
    },
    postpone: (job, dueAt) => outcomes.postponed(job, dueAt, 'lane_busy'),
    parts: {
      buckets: shared.tokens,
      leases: shared.leases,
      places,
      memory,
      open: async (destination, source, laneLimits) => {
        const session = await connector.open(destination, source, openTerms(laneLimits));
        tally.sessions += 1;
        return session;
      },
      prepare: stream === 'realtime' ? claiming.prepare : (job) => preparation.prepare(job),
      release: (job) => {
        attempts.letGo(job);
        preparation.release(job);
      },
      mayBeSent,
      send: attempts.send,
      answered: attempts.answered,
      unreached: attempts.unreached,
      mayLeave: (job, lane) => {
        if (controls.directs && !staysIn(job, lane)) {
          intake.placeAnew([job]);
          return false;
        }
        return gates.admits(job);
      },
      random,
      now,
      saturated: () => lanes.saturated,
      tokensAhead: stream === 'realtime',
      messagesPerSession: stream === 'realtime' ? 1 : 4,
      quantum,
    },
  });
  const choices = new SourceChoices({
    controls,
    pools,
    hasRoom: (place, source) => lanes.hasRoom(place, source),
    now,
  });
  const staysIn = (job: Job, lane: Lane): boolean => choices.stays(job.held.value, lane.isp, lane.source);
  const heldBack: HeldBack = new HeldBack({
    current: (key) => controls.table.get(key),
    mayBeSent: attempts.mayBeSent,
    place: (jobs) => intake.released(jobs),
    postpone: (job, dueAt) => outcomes.postponed(job, dueAt, 'suspended'),
    mostOfPartition: Math.ceil(config.delivery.window_records / 4),
    now,
  });
  let limitsBefore = controls.messageLimits;
  const gates = new MessageGates({
    buckets: shared.tokens,
    limitsOf: (job) => {
      const limits = controls.messageLimits;
      return limits.length === 0 ? [] : messageLimitsOf(limits, limitedFacts(job, stream));
    },
    mayBeSent,
    place: (jobs) => intake.released(jobs),
    postpone: (job, dueAt) => outcomes.postponed(job, dueAt, 'lane_busy'),
    mostOfPartition: Math.ceil(config.delivery.window_records / 4),
    now,
  });
  const intake: Intake = new Intake({
    journal: look,
    askedLater: (job) => stream === 'realtime' && claiming.suits(job),
    choices,
    heldBack,
    destinations: new Destinations(resolver, policies, now),
    lanes,
    ownDomain: controls.ownDomain,
    admits: (job) => gates.admits(job),
    outcomes,
    mayBeSent: attempts.mayBeSent,
    logger,
    now,
  });
  /** To the provider of a shard, from all sources; those of the long tail are many sites. */
  const connectionsOf = (topic: string): number => {
    const isp = isps.find((one) => one !== 'other' && shardTopic(stream, one) === topic);
    if (isp === undefined) return Number.POSITIVE_INFINITY;
    let connections = 0;
    for (const { name } of choices.sources)
      connections += controls.limitsOf({ stream, isp, site: '', source: name }).limits.connections;
    return Math.max(1, connections);
  };
  await shared.start();
  await suppressions?.follow(kafka, now() - config.router.max_age_hours.batch * hourMs);
  const consumer = await kafka.windowedConsumer({
    group: `delivery-${stream}`,
    topics: shards.map((isp) => shardTopic(stream, isp)),
    record: 'DeliveryTask',
    window: { records: config.delivery.window_records, bytes: config.delivery.window_bytes },
    // The most urgent of a realtime window goes first, also where a provider takes them slowly: all of it is looked at.
    ...(stream === 'batch'
      ? { fetch: batchFetch, commitIntervalMs: batchCommitMs }
      : {
          ahead: { together: config.delivery.window_records, ofPartition: config.delivery.window_records },
        }),
    totalBytes: windowBytes,
    reuseMemory: true,
    // What waits in a lane is not waited for: whoever gets the partition next reads it again.
    drainMs: 0,
    // More workers than connections would only take turns.
    maxMembersPerTopic: (topic) => connectionsOf(topic),
    handler: (held) => intake.take(held),
  });
  consuming = consumer;
  const unobserve = observe({ stream, tally, lanes, places, consumer });
  const reports = reportLanes({
    client: redis.client,
    presence,
    keyPrefix: config.redis.key_prefix,
    stream,
    worker: census.number,
    lanes: () => lanes.list(),
    heldBack: () => heldBack.lanes(),
  });
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
      return joined && producer.ready && !stopping.signal.aborted;
    },
    stats: () => ({
      consumer: consumer.stats(),
      lanes: lanes.list().map((lane) => ({
        lane: lane.key,
        backlog: lane.backlog,
        sessions: lane.sessions,
        sent: lane.sent,
        throttled: lane.throttled,
        connections: lane.limits.connections,
        messagesPerSecond: lane.limits.messages?.perSecond ?? null,
        heldUntil: lane.heldUntil,
      })),
      held: heldBack.lanes().reduce((sum, { jobs }) => sum + jobs.length, 0),
      controls: controls.table.list(now()).length,
      shapingProblem: controls.shapingProblem,
      connections: places.taken,
      preparedBytes: memory.usedBytes,
    }),
    joined: () => consumer.joined(),
    stop: async () => {
      intake.stop();
      heldBack.stop();
      gates.stop();
      stopping.abort();
      await lanes.stop();
      await Promise.race([outcomes.written(), sleep(writtenLimitMs, undefined, { ref: false })]);
      await consumer.stop();
      unobserve();
      await reports.stop();
      await Promise.all([
        producer.stop(),
        templates.stop(),
        controls.stop(),
        suppressions?.stop(),
        connector.stop(),
        shared.stop(),
      ]);
    },
  };
};
