/** A lane as it stands: its limits with their origins, its tokens and connections in Redis, what waits in it, and for what. */
import {
  type ControlTable,
  connectionsBucket,
  type Isp,
  isps,
  isStream,
  type LaneLimits,
  type LaneOf,
  type LaneWait,
  laneKey,
  laneLimits,
  laneWait,
  leaseKey,
  type RateLimit,
  type Stream,
  type Suspension,
  streams,
  tokenLevel,
  tokensKey,
  type WorkerReport,
} from '@millrace/core';
import type { Config } from '@millrace/service';
import { type ExplainedLimit, explainLane, type ShapingText } from '@millrace/shaping';
import { usageError } from './cli-error.ts';
import type { CommandContext } from './context.ts';
import { withRedis } from './redis-session.ts';
import { readControls, shapingInForce } from './shaping-in-force.ts';
import { lanesOf, readWorkerReports } from './worker-reports.ts';

export interface LaneState {
  readonly lane: string;
  readonly wait: LaneWait;
  /** The suspension that holds all of it. */
  readonly suspension: Pick<Suspension, 'key' | 'author' | 'reason' | 'until' | 'setAt'> | null;
  /** The limit that it waits for. */
  readonly limit: ExplainedLimit | null;
  /** Tokens of its rate; null: it has none. */
  readonly tokens: { readonly level: number; readonly next_at: number } | null;
  readonly connections: number;
  readonly connection_limit: number;
  /** Messages a second; null: no limit. */
  readonly messages_per_second: number | null;
  /** Messages that workers have taken and no session has yet. */
  readonly waiting: number;
  readonly workers: number;
}

/** Everything that says how lanes stand. */
export interface Situation {
  readonly controls: ControlTable;
  readonly shaping: ShapingText;
  readonly pools: Config['pools'];
  readonly reports: readonly WorkerReport[];
  /** What Redis has of lanes. */
  readonly shared: ReadonlyMap<string, SharedLane>;
  /** By the clock of Redis, ms since the epoch. */
  readonly now: number;
}

interface SharedLane {
  readonly messagesFullAt: number | undefined;
  readonly connectionsFullAt: number | undefined;
  readonly connections: number;
}

/** `batch/gmail/ip1`, or `gmail/ip1` for both streams. Throws CliError. */
export const lanesNamed = (text: string): readonly LaneOf[] => {
  const [first = '', ...rest] = text.split('/');
  const wanted: readonly Stream[] = isStream(first) ? [first] : streams;
  const [site = '', source = '', ...more] = isStream(first) ? rest : [first, ...rest];
  if (site === '' || source === '' || more.length > 0)
    throw usageError(
      `"${text}" is no lane.`,
      'Write STREAM/PROVIDER/SOURCE, such as batch/gmail/ip1, or gmail/ip1.',
    );
  const isp: Isp = isps.find((one) => one === site) ?? 'other';
  return wanted.map((stream) => ({ stream, isp, site, source }));
};

/** Reads how these lanes stand. Throws CliError; where Redis is away, tokens and connections are not known. */
export async function situationOf(
  context: CommandContext,
  lanes: readonly LaneOf[],
): Promise<Situation & { readonly redis: boolean }> {
  const { config } = context.installation();
  const [controls, reports, redis] = await Promise.all([
    readControls(context),
    readWorkerReports(config, streams),
    readShared(config, lanes.map(laneKey)),
  ]);
  return {
    controls,
    shaping: await shapingInForce(context, controls),
    pools: config.pools,
    reports: reports ?? [],
    shared: redis?.lanes ?? new Map(),
    now: redis?.now ?? context.now(),
    redis: redis !== undefined,
  };
}

const readShared = (config: Pick<Config, 'redis'>, keys: readonly string[]) =>
  withRedis(config, async (client) => {
    const prefix = config.redis.key_prefix;
    const [seconds, micros] = await client.time();
    const now = Number(seconds) * 1_000 + Number(micros) / 1_000;
    const fullAt = async (bucket: string): Promise<number | undefined> => {
      const text = await client.get(tokensKey(prefix, bucket));
      return text === null ? undefined : Number(text);
    };
    const lanes = await Promise.all(
      keys.map(async (lane) => {
        const [messagesFullAt, connectionsFullAt, connections] = await Promise.all([
          fullAt(lane),
          fullAt(connectionsBucket(lane)),
          client.zcount(leaseKey(prefix, 'leases', lane), `(${now}`, '+inf'),
        ]);
        return [lane, { messagesFullAt, connectionsFullAt, connections }] as const;
      }),
    );
    return { now, lanes: new Map(lanes) };
  });

/** Levels of buckets that are no lane's, by their names; undefined: Redis is away. */
export const readLevels = (
  config: Pick<Config, 'redis'>,
  buckets: readonly { readonly bucket: string; readonly rate: RateLimit }[],
) =>
  withRedis(config, async (client) => {
    const [seconds, micros] = await client.time();
    const now = Number(seconds) * 1_000 + Number(micros) / 1_000;
    const levels = await Promise.all(
      buckets.map(async ({ bucket, rate }) => {
        const text = await client.get(tokensKey(config.redis.key_prefix, bucket));
        return [bucket, tokenLevel(rate, text === null ? undefined : Number(text), now)] as const;
      }),
    );
    return new Map(levels);
  });

const unknownLane: SharedLane = { messagesFullAt: undefined, connectionsFullAt: undefined, connections: 0 };

/** The limits that are in force on a lane. */
export const limitsNow = (
  { shaping, controls, now }: Pick<Situation, 'shaping' | 'controls' | 'now'>,
  lane: LaneOf,
): LaneLimits => laneLimits(shaping.shaping, lane, controls.limitChangesOf(lane, now).inForce);

/** How one lane stands. */
export const stateOf = (situation: Situation, lane: LaneOf): LaneState => {
  const { controls, shaping, now } = situation;
  const key = laneKey(lane);
  const limits = limitsNow(situation, lane);
  const shared = situation.shared.get(key) ?? unknownLane;
  const suspension = suspensionOf(situation, lane);
  const heldUntil = heldUntilOf(situation.reports, key);
  const wait = laneWait({ limits, suspension, heldUntil, ...shared }, now);
  const report = lanesOf(situation.reports).find((one) => one.lane === key);
  const explained = explainLane(shaping, lane, controls.limitChangesOf(lane, now).inForce);
  const { messages } = limits;
  const level = messages === undefined ? undefined : tokenLevel(messages, shared.messagesFullAt, now);
  return {
    lane: key,
    wait,
    suspension: suspension ?? null,
    limit: explained.find((limit) => limit.key === limitFor(wait)) ?? null,
    tokens: level === undefined ? null : { level: level.tokens, next_at: level.nextAt },
    connections: shared.connections,
    connection_limit: limits.connections,
    messages_per_second: messages?.perSecond ?? null,
    waiting: report?.waiting ?? 0,
    workers: report?.workers ?? 0,
  };
};

/** A source that belongs to more than one pool is held back only by what holds all of them. */
const suspensionOf = (
  { controls, pools, now }: Situation,
  lane: LaneOf,
): NonNullable<LaneState['suspension']> | undefined => {
  const ofSource = Object.entries(pools)
    .filter(([, { sources }]) => sources.some(({ source }) => source === lane.source))
    .map(([pool]) => pool);
  const facts = { ...lane, ...(lane.ownDomain !== undefined && { domain: lane.ownDomain }) };
  const own = controls.blocking(facts, now);
  const blocked = ofSource.map((pool) => controls.blocking({ ...facts, pool }, now));
  const ofPools = blocked.every((one) => one !== undefined) ? blocked[0] : undefined;
  const control = (own ?? ofPools)?.control;
  if (control === undefined) return undefined;
  const { key, author, reason, until, setAt } = control;
  return { key, author, reason, until, setAt };
};

/** When the first worker probes; undefined: one of them does not hold it. */
const heldUntilOf = (reports: readonly WorkerReport[], lane: string): number | undefined => {
  const untils = reports
    .flatMap(({ lanes }) => lanes.filter((one) => one.lane === lane))
    .map(({ held_until: until }) => until);
  return untils.reduce(
    (first, until) => (first === undefined || until === undefined ? undefined : Math.min(first, until)),
    untils[0],
  );
};

const limitFor = (wait: LaneWait): string | undefined => {
  switch (wait.kind) {
    case 'rate':
      return 'max_message_rate';
    case 'connections':
      return 'connection_limit';
    case 'connection_rate':
      return 'max_connection_rate';
    case 'held':
      return 'failures_before_hold';
    case 'suspended':
    case 'nothing':
      return undefined;
    default:
      return wait satisfies never;
  }
};
