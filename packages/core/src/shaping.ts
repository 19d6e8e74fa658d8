/** The limits of a lane: declared in layers, each of which says only what differs from the one before. */
import { startingRate } from './adaptive-rate.ts';
import { applyLimitControls, type LimitsInForce } from './control/limit-controls.ts';
import type { Isp } from './isp.ts';
import type { LaneOf } from './lane.ts';
import type { MessageLimit } from './message-limits.ts';
import type { Stream } from './stream.ts';

/** Tokens that come at a steady rate, with so many at once after a quiet time. */
export interface RateLimit {
  /** May be fractional: one a minute is 1/60. */
  readonly perSecond: number;
  /** Tokens at once, 1 or more. Within any second no more than perSecond + burst are granted. */
  readonly burst: number;
}

export type TlsPolicy = 'opportunistic' | 'required' | 'disabled';

/** Time limits of each phase of a session, ms: RFC 5321 4.5.3.2. */
export interface PhaseTimeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  /** EHLO and STARTTLS. */
  readonly ehloMs: number;
  readonly mailMs: number;
  readonly rcptMs: number;
  /** From DATA to 354. */
  readonly dataMs: number;
  /** While the content is written. */
  readonly bodyMs: number;
  /** From the final dot to its reply. */
  readonly dotMs: number;
}

/** What one layer says. */
export interface Limits {
  /** Connections at once, over all workers. */
  readonly connections: number;
  readonly deliveriesPerConnection: number;
  /** Mails; null: no limit. */
  readonly messagesPerSecond: number | null;
  /** Mails above the rate at once; null: a tenth of a second's worth. */
  readonly burst: number | null;
  /** New connections; null: no limit. May be fractional. */
  readonly connectionsPerSecond: number | null;
  readonly tls: TlsPolicy;
  /** Keep to the policies by which domains ask for verified TLS (RFC 8461), whatever `tls` says. */
  readonly mtaSts: boolean;
  readonly pipelining: boolean;
  readonly timeouts: PhaseTimeouts;
  /** A connection without work is closed after this, ms. */
  readonly idleMs: number;
  /** Waits after the first, second, ... failed attempt, ms; the last one repeats. null: the stream's own schedule. */
  readonly retryScheduleMs: readonly number[] | null;
  /** Connection failures in a row after which the lane is held. */
  readonly failuresBeforeHold: number;
  /** The rate is found by probing, up to the one that is said here. */
  readonly adaptive: boolean;
}

/** What a layer changes. */
export type LimitChanges = Partial<Omit<Limits, 'timeouts'>> & { readonly timeouts?: Partial<PhaseTimeouts> };

/** Changes for both streams, then those of one. */
export interface ShapingLayer {
  readonly limits: LimitChanges;
  readonly streams: Readonly<Partial<Record<Stream, LimitChanges>>>;
}

/** A shaping file: default, then provider, then site, then domain, then source, each winning over the ones before. */
export interface Shaping {
  readonly default: ShapingLayer;
  readonly isps: ReadonlyMap<Isp, ShapingLayer>;
  readonly sites: ReadonlyMap<string, ShapingLayer>;
  /** Recipients' domains, each of which has lanes of its own. */
  readonly domains: ReadonlyMap<string, ShapingLayer>;
  readonly sources: ReadonlyMap<string, ShapingLayer>;
  /** Rates of tenants, campaigns and tags, beside those of lanes. */
  readonly messageLimits: readonly MessageLimit[];
}

/** The limits that are in force on one lane. */
export interface LaneLimits extends Omit<Limits, 'messagesPerSecond' | 'connectionsPerSecond' | 'burst'> {
  /** Mails; undefined: no limit. */
  readonly messages: RateLimit | undefined;
  /** New connections; undefined: no limit. */
  readonly newConnections: RateLimit | undefined;
}

/** Low enough for a host that nobody knows. */
export const builtInLimits: Limits = {
  connections: 10,
  deliveriesPerConnection: 100,
  messagesPerSecond: null,
  burst: null,
  connectionsPerSecond: null,
  tls: 'opportunistic',
  mtaSts: true,
  pipelining: true,
  timeouts: {
    connectMs: 30_000,
    greetingMs: 300_000,
    ehloMs: 300_000,
    mailMs: 300_000,
    rcptMs: 300_000,
    dataMs: 120_000,
    bodyMs: 180_000,
    dotMs: 600_000,
  },
  idleMs: 60_000,
  retryScheduleMs: null,
  failuresBeforeHold: 100,
  adaptive: false,
};

const apply = (limits: Limits, changes: LimitChanges): Limits => ({
  ...limits,
  ...changes,
  timeouts: { ...limits.timeouts, ...changes.timeouts },
});

/** What one place of the shaping says of a lane. */
export interface LaneChanges {
  /** Keys that lead there: `['isps', 'gmail', 'streams', 'batch']`. */
  readonly at: readonly string[];
  readonly changes: LimitChanges;
}

/** The domain, where the shaping gives it lanes of its own. */
export const ownDomainOf = ({ domains }: Pick<Shaping, 'domains'>, domain: string): string | undefined =>
  domains.size > 0 && domains.has(domain) ? domain : undefined;

/** Everything that the shaping says of a lane, weakest first. */
export const changesOfLane = (
  shaping: Shaping,
  { stream, isp, site, source, ownDomain }: LaneOf,
): readonly LaneChanges[] => {
  const layers: (readonly [readonly string[], ShapingLayer | undefined])[] = [
    [['default'], shaping.default],
    [['isps', isp], shaping.isps.get(isp)],
    [['sites', site], shaping.sites.get(site)],
    ...(ownDomain === undefined ? [] : [[['domains', ownDomain], shaping.domains.get(ownDomain)] as const]),
    [['sources', source], shaping.sources.get(source)],
  ];
  return layers.flatMap(([at, layer]) => {
    if (layer === undefined) return [];
    const ofStream = layer.streams[stream];
    return [
      { at, changes: layer.limits },
      ...(ofStream === undefined ? [] : [{ at: [...at, 'streams', stream], changes: ofStream }]),
    ];
  });
};

/** Share of a second's mails that may go at once when the file gives no burst. */
const defaultBurstSeconds = 0.1;

/** A rate with the burst that it has when none is given. */
export const rateLimit = (perSecond: number, burst: number | null): RateLimit => ({
  perSecond,
  burst: Math.max(1, burst ?? Math.ceil(perSecond * defaultBurstSeconds)),
});

const rate = (perSecond: number | null, burst: number | null): RateLimit | undefined =>
  perSecond === null ? undefined : rateLimit(perSecond, burst);

/** After a quiet time all connections may be opened at once, while that is not more than six seconds' worth. */
const connectionBurst = (perSecond: number | null, connections: number): number | null =>
  perSecond === null ? null : Math.min(connections, Math.ceil(perSecond * 6));

/** The limits of a lane as layers say them. */
export const limitsOf = (shaping: Shaping, lane: LaneOf): Limits =>
  changesOfLane(shaping, lane).reduce((limits, { changes }) => apply(limits, changes), builtInLimits);

/** Until probing has said anything a lane that is probed begins slowly. */
const atProbingStart = (limits: Limits): Limits => ({
  ...limits,
  messagesPerSecond: Math.min(
    limits.messagesPerSecond ?? Number.POSITIVE_INFINITY,
    startingRate(0).perSecond,
  ),
  burst: 1,
});

/** The limits in force on a lane. `controls`: what operators and automation say beside the layers, in their order. */
export const laneLimits = (
  shaping: Shaping,
  lane: LaneOf,
  controls: readonly LimitsInForce[] = [],
): LaneLimits => {
  const layers = limitsOf(shaping, lane);
  const unproven = layers.adaptive && !controls.some(({ control }) => control.kind === 'adaptive');
  const limits = applyLimitControls(unproven ? atProbingStart(layers) : layers, controls);
  const { messagesPerSecond, connectionsPerSecond, burst, ...rest } = limits;
  return {
    ...rest,
    messages: rate(messagesPerSecond, burst),
    newConnections: rate(connectionsPerSecond, connectionBurst(connectionsPerSecond, rest.connections)),
  };
};
