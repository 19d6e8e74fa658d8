/** When a queue will be empty, and what would change it: the lanes it empties through, given to the core's simulator. Pure. */
import {
  type Drained,
  drain,
  type Isp,
  type LaneLimits,
  type LaneOf,
  laneKey,
  laneLimits,
  type SimulatedLane,
  type Stream,
} from '@millrace/core';
import type { Config } from '@millrace/service';
import type { Way } from './lane-of-domain.ts';
import type { LanePace } from './lane-pace.ts';
import { limitsNow, type Situation } from './lane-state.ts';

/** What waits for one provider on one stream. */
export interface Queue {
  readonly stream: Stream;
  readonly isp: Isp;
  /** Only what is for this domain, which has lanes of its own. */
  readonly domain?: NamedDomain;
  readonly waiting: number;
}

/** A domain that the shaping gives lanes of its own, and where its mail goes. */
export interface NamedDomain extends Way {
  readonly name: string;
}

/** `batch/gmail`, `batch/example.com`. */
export const queueName = ({ stream, isp, domain }: Queue): string => `${stream}/${domain?.name ?? isp}`;

export interface QueueForecast extends Queue {
  readonly lanes: readonly string[];
  /** Messages a second that the limits allow together; null: no limit. */
  readonly messages_per_second: number | null;
  readonly connections: number;
  /** When it will be empty, ms since the epoch; null: everything is suspended until somebody resumes it. */
  readonly empty_at: number | null;
  /** The same with one more source like those that it has, and with twice the limits. */
  readonly with_one_more_source: number | null;
  readonly with_twice_the_limits: number | null;
  /** Whether the time that a mail takes was measured now, or is supposed. */
  readonly measured: boolean;
}

/** A mail's time on its connection where none was measured, ms. */
const supposedMailMs = 100;
const supposedConnectMs = 200;

/** Sources that the stream's mail leaves from: those of its tenants' pools. */
export const sourcesOf = (
  { pools, tenants }: Pick<Config, 'pools' | 'tenants'>,
  stream: Stream,
): readonly string[] => {
  const wanted = new Set(Object.values(tenants).map((tenant) => tenant.pools[stream]));
  const used = Object.entries(pools).filter(([name, pool]) => pool.stream === stream && wanted.has(name));
  return [...new Set(used.flatMap(([, pool]) => pool.sources.map(({ source }) => source)))];
};

/** A lane's place (`lanePlace`) and source. */
const partsOf = ({ stream, lane }: LanePace): { readonly site: string; readonly source: string } => {
  const rest = lane.slice(stream.length + 1);
  return { site: rest.slice(0, rest.lastIndexOf('/')), source: rest.slice(rest.lastIndexOf('/') + 1) };
};

/** Names among `named` that have a lane now. */
export const domainsAtWork = (
  paces: readonly LanePace[],
  named: (name: string) => boolean,
): readonly string[] => [...new Set(paces.map((pace) => partsOf(pace).site))].filter(named);

/**
 * A provider's queue, and beside it those of the domains that have lanes of their own: what workers have not taken yet is
 * supposed to be divided among them as what waits in the workers is.
 */
export const queuesByDomain = (
  queue: Queue,
  domains: readonly NamedDomain[],
  paces: readonly LanePace[],
  isIsp: (name: string) => boolean,
): readonly Queue[] => {
  const inWorkers = new Map<string, number>();
  for (const pace of paces) {
    if (pace.stream !== queue.stream) continue;
    const { site } = partsOf(pace);
    inWorkers.set(site, (inWorkers.get(site) ?? 0) + pace.waiting);
  }
  const names = new Set(domains.map(({ name }) => name));
  const isRest = (site: string): boolean =>
    queue.isp === 'other' ? !isIsp(site) && !names.has(site) : site === queue.isp;
  const rest = [...inWorkers].reduce((sum, [site, waiting]) => sum + (isRest(site) ? waiting : 0), 0);
  const counted = domains
    .filter(({ isp }) => isp === queue.isp)
    .map((domain) => ({ domain, count: inWorkers.get(domain.name) ?? 0 }))
    .filter(({ count }) => count > 0);
  const all = counted.reduce((sum, { count }) => sum + count, rest);
  const divided = counted.map(
    ({ domain, count }): Queue => ({
      ...queue,
      domain,
      waiting: Math.round((queue.waiting * count) / all),
    }),
  );
  const left = queue.waiting - divided.reduce((sum, { waiting }) => sum + waiting, 0);
  return [...(left > 0 ? [{ ...queue, waiting: left }] : []), ...divided];
};

/** Lanes that a queue empties through. The long tail is as many lanes as sites are known to wait. */
export const lanesOfQueue = (
  { stream, isp, domain }: Queue,
  sources: readonly string[],
  paces: readonly LanePace[],
  notSites: (name: string) => boolean,
): readonly LaneOf[] => {
  if (domain !== undefined) {
    const { name, site } = domain;
    return sources.map((source) => ({ stream, isp, site, source, ownDomain: name }));
  }
  if (isp !== 'other') return sources.map((source) => ({ stream, isp, site: isp, source }));
  const known = paces
    .filter((pace) => pace.stream === stream)
    .map(partsOf)
    .filter(({ site }) => !notSites(site));
  const found = known.length > 0 ? known : sources.map((source) => ({ site: 'other', source }));
  return found.map(({ site, source }) => ({ stream, isp, site, source }));
};

/** What one change of the limits would do. */
type Change = (limits: LaneLimits) => LaneLimits;
const asItIs: Change = (limits) => limits;
const twice: Change = (limits) => ({
  ...limits,
  connections: limits.connections * 2,
  messages: limits.messages && { ...limits.messages, perSecond: limits.messages.perSecond * 2 },
  newConnections: limits.newConnections && {
    ...limits.newConnections,
    perSecond: limits.newConnections.perSecond * 2,
  },
});

const simulated = (
  { controls, shaping }: Pick<Situation, 'controls' | 'shaping'>,
  lane: LaneOf,
  times: Pick<SimulatedLane, 'mailMs' | 'connectMs'>,
  change: Change,
): SimulatedLane => ({
  termsAt: (at) => {
    const { inForce, nextChangeAt } = controls.limitChangesOf(lane, at);
    const blocking = controls.blocking(lane, at);
    const changes = [nextChangeAt, blocking?.until ?? null].filter((one) => one !== null && one > at);
    return {
      limits: change(laneLimits(shaping.shaping, lane, inForce)),
      suspendedUntil: blocking === undefined ? undefined : blocking.until,
      changesAt: changes.length === 0 ? null : Math.min(...changes.map(Number)),
    };
  },
  ...times,
});

/** A mail's share of its lane's connections, connecting included, ms: by Little's law. undefined: nothing was sent. */
const usedMs = ({ perSecond, sessions }: LanePace): number | undefined =>
  perSecond === 0 || sessions === 0 ? undefined : (sessions * 1_000) / perSecond;

/** Whether all of the connections' time was used: messages waited, and no rate held them. */
const isBusy = (pace: LanePace | undefined): boolean =>
  pace !== undefined && usedMs(pace) !== undefined && !pace.throttled && pace.waiting > 0;

/** A lane that waits for its rate has connections to spare: how much of their time is used is not known, half is supposed. */
const throttledShare = 0.5;

/** What a busy lane takes is its pace; one that waits for its rate or for mail takes no longer than it has shown. */
const timesOf = (
  pace: LanePace | undefined,
  { deliveriesPerConnection }: Pick<LaneLimits, 'deliveriesPerConnection'>,
): Pick<SimulatedLane, 'mailMs' | 'connectMs'> => {
  const used = pace && usedMs(pace);
  const supposed = supposedMailMs + supposedConnectMs / deliveriesPerConnection;
  if (pace?.throttled)
    return { mailMs: Math.min(supposed, (used ?? supposed) * throttledShare), connectMs: 0 };
  const whole = isBusy(pace) ? (used ?? supposed) : Math.min(supposed, used ?? supposed);
  // What is measured has the connecting in it, of which at most half is taken for it.
  const connectMs = Math.min(supposedConnectMs, (whole * deliveriesPerConnection) / 2);
  return { mailMs: whole - connectMs / deliveriesPerConnection, connectMs };
};

/** @param now ms since the epoch */
export const forecastOf = (
  queue: Queue,
  lanes: readonly LaneOf[],
  situation: Pick<Situation, 'controls' | 'shaping'>,
  paces: readonly LanePace[],
  now: number,
): QueueForecast => {
  const paceOf = (lane: LaneOf) => paces.find((one) => one.lane === laneKey(lane));
  const limitsOf = (lane: LaneOf): LaneLimits => limitsNow({ ...situation, now }, lane);
  const run = (through: readonly LaneOf[], change: Change): number | null => {
    const drained: Drained = drain(
      queue.waiting,
      through.map((lane) => simulated(situation, lane, timesOf(paceOf(lane), limitsOf(lane)), change)),
      now,
    );
    return drained.kind === 'empty' ? Math.round(drained.at) : null;
  };
  const limits = lanes.map(limitsOf);
  const rates = limits.map(({ messages }) => messages?.perSecond ?? null);
  const known = rates.filter((rate) => rate !== null);
  return {
    ...queue,
    lanes: lanes.map(laneKey),
    messages_per_second: known.length < rates.length ? null : known.reduce((sum, rate) => sum + rate, 0),
    connections: limits.reduce((sum, { connections }) => sum + connections, 0),
    empty_at: run(lanes, asItIs),
    with_one_more_source: run([...lanes, ...withAnotherSource(lanes)], asItIs),
    with_twice_the_limits: run(lanes, twice),
    measured: lanes.some((lane) => isBusy(paceOf(lane))),
  };
};

/** For each site one more lane, from a source that no layer and no control names. */
const withAnotherSource = (lanes: readonly LaneOf[]): readonly LaneOf[] =>
  [...new Map(lanes.map((lane) => [lane.site, lane])).values()].map((lane) => ({ ...lane, source: '' }));
