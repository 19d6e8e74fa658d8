/** The rates of lanes whose limit is found by probing (`adaptive: true`), stepped each second from the answers of all workers. */
import {
  type AdaptiveControl,
  type AdaptiveRate,
  allowedPerSecond,
  type Control,
  type ControlScope,
  controlKey,
  type FoundRate,
  foundRate,
  type Isp,
  isIsp,
  isps,
  isStream,
  type LaneOf,
  laneKey,
  lanePlace,
  limitsOf,
  nextRate,
  ownDomainOf,
  resumedRate,
  type Shaping,
  scopeName,
  startingRate,
} from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';

interface Lane {
  readonly lane: LaneOf;
  rate: AdaptiveRate;
  /** Taken and refused since the last step. */
  taken: number;
  refused: number;
  /** Taken in each step of the last minute. */
  readonly minute: { readonly at: number; readonly taken: number }[];
  steppedAt: number;
  /** Mails a second that workers have been told; 0: none yet. */
  told: number;
  /** What whoever takes over has been told. */
  toldFound: FoundRate | undefined;
}

const minuteMs = 60_000;
/** Lanes that are probed at once; one more has the limits of the file only. */
const mostLanes = 10_000;
/** A change of less than this share is not worth a record. */
const tellingShare = 0.005;
/** Categories of answers that say "too fast". */
const tooFast: readonly (string | null)[] = ['rate_limited', 'server_busy'];

export class AdaptiveLanes {
  readonly #shaping: () => Shaping;
  readonly #before: (key: string) => Control | undefined;
  readonly #lanes = new Map<string, Lane | null>();

  /** `shaping`: the one in force. `before`: the control under a key, which a lane goes on from. */
  constructor(shaping: () => Shaping, before: (key: string) => Control | undefined) {
    this.#shaping = shaping;
    this.#before = before;
  }

  /** Of these controls, those whose lanes are not probed any more. */
  former(controls: readonly Control[]): readonly Control[] {
    return controls.filter(({ kind, scope }) => {
      if (kind !== 'adaptive' || scope.kind !== 'lane') return false;
      const ownDomain = ownDomainOf(this.#shaping(), scope.site);
      // A domain's own lane does not say at which provider it is.
      const own: readonly Isp[] = isIsp(scope.site) ? [scope.site] : ['other'];
      const possible = ownDomain === undefined ? own : isps;
      return !possible.some((isp) => limitsOf(this.#shaping(), { ...scope, isp, ownDomain }).adaptive);
    });
  }

  /** The shaping is another: which lanes are probed is looked up anew. */
  forget(): void {
    this.#lanes.clear();
  }

  /** Somebody has undone what was found: it is looked for anew. */
  undone(scope: ControlScope): void {
    if (scope.kind === 'lane') this.#lanes.delete(scopeName(scope));
  }

  /** Counts the answer that an event tells. `now`: ms since the epoch. */
  see(event: MessageEvent, now: number): void {
    const { kind, stream, isp, site, source, domain } = event;
    const taken = kind === 'delivered';
    const refused = kind === 'deferred' && tooFast.includes(event.bounce_category);
    if ((!taken && !refused) || stream === null || !isStream(stream)) return;
    if (!isIsp(isp) || site === null || source === null) return;
    const ownDomain = domain === null ? undefined : ownDomainOf(this.#shaping(), domain);
    const lane = this.#lane({ stream, isp, site, source, ownDomain }, now);
    if (lane === null) return;
    if (taken) lane.taken += 1;
    else lane.refused += 1;
  }

  /** A step of every lane; what workers have to be told. */
  step(now: number): readonly AdaptiveControl[] {
    const controls: AdaptiveControl[] = [];
    for (const lane of this.#lanes.values()) {
      if (lane === null) continue;
      lane.minute.push({ at: now, taken: lane.taken });
      while ((lane.minute[0]?.at ?? now) <= now - minuteMs) lane.minute.shift();
      const takenLastMinute = lane.minute.reduce((sum, { taken }) => sum + taken, 0);
      const { taken, refused } = lane;
      lane.rate = nextRate(lane.rate, { taken, refused, spanMs: now - lane.steppedAt, takenLastMinute }, now);
      lane.taken = 0;
      lane.refused = 0;
      lane.steppedAt = now;
      const allowed = allowedPerSecond(lane.rate);
      const isNews = Math.abs(allowed - lane.told) > lane.told * tellingShare;
      if (!isNews && hasLearnedNothing(lane.toldFound, lane.rate)) continue;
      lane.told = allowed;
      lane.toldFound = foundRate(lane.rate);
      controls.push(controlOf(lane, allowed, now));
    }
    return controls;
  }

  #lane(of: LaneOf, now: number): Lane | null {
    const key = laneKey(of);
    const present = this.#lanes.get(key);
    if (present !== undefined) return present;
    if (this.#lanes.size >= mostLanes) return null;
    const limits = limitsOf(this.#shaping(), of);
    const before = this.#before(controlKey('adaptive', scopeOf(of)));
    const known = before?.kind === 'adaptive' ? before : undefined;
    const told = known?.changes.messagesPerSecond ?? 0;
    const toldFound = known?.found ?? undefined;
    const lane = limits.adaptive
      ? {
          ...{ lane: of, rate: rateFrom(told, toldFound, now), taken: 0, refused: 0, minute: [] },
          ...{ steppedAt: now, told, toldFound },
        }
      : null;
    this.#lanes.set(key, lane);
    return lane;
  }
}

const rateFrom = (told: number, found: FoundRate | undefined, now: number): AdaptiveRate => {
  if (found !== undefined) return resumedRate(found, now);
  const start = startingRate(now);
  return told > 0 ? { ...start, perSecond: told } : start;
};

/** While it grows every step is news anyway. */
const hasLearnedNothing = (told: FoundRate | undefined, { proven, ceiling }: AdaptiveRate): boolean =>
  told !== undefined && told.proven === proven && told.ceiling === ceiling;

const scopeOf = (of: LaneOf) =>
  ({ kind: 'lane', stream: of.stream, site: lanePlace(of), source: of.source }) as const;

const controlOf = ({ lane, rate }: Lane, allowed: number, now: number): AdaptiveControl => {
  const scope = scopeOf(lane);
  const found = rate.ceiling === null ? 'it was never refused' : `${rate.ceiling.toFixed(2)}/s was refused`;
  return {
    kind: 'adaptive',
    key: controlKey('adaptive', scope),
    scope,
    until: null,
    reason: rate.waiting ? `waits until mail is taken again: ${found}` : found,
    author: 'adaptive',
    setAt: now,
    changes: { messagesPerSecond: allowed },
    found: foundRate(rate),
  };
};
