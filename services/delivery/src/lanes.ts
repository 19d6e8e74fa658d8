/** The lanes that this worker has messages for, and what has to be looked at from time to time. */
import type { EventLoopUtilization } from 'node:perf_hooks';
import { type Isp, type LaneOf, laneKey, type Stream } from '@millrace/core';
import type { LimitsNow } from './control/controls.ts';
import type { Destination } from './destinations.ts';
import type { EgressSource } from './egress.ts';
import type { Job } from './job.ts';
import { Lane, type LaneParts } from './lane.ts';
import { LaneRoom } from './lane-room.ts';

export interface LanesOptions {
  readonly stream: Stream;
  readonly limitsOf: (lane: LaneOf) => LimitsNow;
  readonly parts: LaneParts;
  /** No room in the window that its lane shares with others: it may come back then, ms since the epoch. */
  readonly postpone: (job: Job, dueAt: number) => void;
  /** Records of a provider's shard that this worker holds at most; undefined: its lanes all take from one another. */
  readonly sharedWindow: (isp: Isp) => { readonly records: number; readonly ofPartition: number } | undefined;
  /** The sources of the stream. */
  readonly sources: () => ReadonlySet<EgressSource>;
  /** Sources that a message of this lane may leave from just as well. */
  readonly alternatives: (job: Job, lane: Lane) => readonly EgressSource[];
  /** They are to find their lane anew. */
  readonly displaced: (jobs: readonly Job[]) => void;
  /** Nothing is sent at the moment, and that is no lane's fault. */
  readonly paused: () => boolean;
}

/** Where messages go, as far as lanes are concerned. */
export type LanePlace = Pick<LaneOf, 'isp' | 'site' | 'ownDomain'>;

interface Entry {
  readonly lane: Lane;
  /** When its limits change by themselves, ms since the epoch; null: not before something else changes them. */
  limitsUntil: number | null;
  readonly room: LaneRoom;
  /** Messages that it can take and send soon, as of the last look; less those that it took since. */
  free: number;
  desertedSince: number | undefined;
}

const tickMs = 250;
const sweepMs = 5_000;
const measureMs = 500;
/** A lane that nothing happens in is forgotten after this, ms. */
const forgetMs = 60_000;
/** A message in a shared window waits so long for a lane that hardly moves, ms. */
const momentMs = 3_000;
/** What a lane does not get rid of in so long waits for the lane, not for this worker, ms. */
const aheadMs = 1_000;
/** Messages of a lane that count as being on their way whatever its pace. */
const fewAhead = 8;
/** A source has room for what it sends in so long, ms. */
const freeMs = 1_000;
/** Messages of one lane that go to others at one look. */
const mostMoved = 200;
/** Until there is a measure, messages a second. */
const expectedPace = 1_000;
/** Share of the time that the event loop works: above it the worker is what is slow, not its lanes. */
const saturated = 0.85;
/** In a worker that is saturated a lane is slow below this share of the mean pace. */
const slowShare = 0.25;
/** Below this mean, messages a second, one measure says too little of a lane. */
const tellingPace = 20;

/** The window that the lanes of one shard share. */
interface SharedWindow {
  /** Messages that each of them may have in it, whatever its pace. */
  readonly fairShare: number;
  /** Mean of its lanes that wait, messages a second: lately, and by the last measure. */
  readonly pace: number;
  readonly latestPace: number;
}

/** Nothing leaves from it for the moment. */
const isStuck = (lane: Lane): boolean => lane.throttled || lane.heldUntil !== undefined;

export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, Entry>();
  readonly #timer: NodeJS.Timeout;
  #sweepAt = 0;
  #measureAt = 0;
  #forgottenThrottledMs = 0;
  #windows: ReadonlyMap<Isp, SharedWindow> = new Map();
  /** The worker is what is slow: all lanes wait for it. */
  #isSaturated = false;
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Puts a message into its lane. */
  add(place: LanePlace, source: EgressSource, destination: Destination, job: Job): Lane {
    const entry = this.#entry(place, source);
    const { lane, room } = entry;
    entry.free -= 1;
    lane.add(destination, job);
    if (lane.backlog > Math.max(fewAhead, room.latestPace * (aheadMs / 1_000))) job.held.waits();
    return lane;
  }

  /** Whether a source can take and send one more message to this provider or site soon. */
  hasRoom(place: LanePlace, source: EgressSource): boolean {
    return this.#entry(place, source).free >= 1;
  }

  /** The lane from a source to a provider, to a site that nobody knows, or to a domain that has its own. */
  of(place: LanePlace, source: EgressSource): Lane {
    return this.#entry(place, source).lane;
  }

  /** When a message that finds no room in the window may come back, ms since the epoch; undefined: there is room. */
  returnAt(place: LanePlace, source: EgressSource): number | undefined {
    const window = this.#windows.get(place.isp);
    if (window === undefined) return undefined;
    const entry = this.#entry(place, source);
    const { lane, room } = entry;
    if (lane.backlog < window.fairShare || !this.#isSlow(entry, window)) return undefined;
    if (lane.backlog < room.room(window.fairShare, this.#isSaturated)) return undefined;
    return room.returnAt(lane.backlog, this.#options.parts.now());
  }

  /** Time that lanes with messages had no token, ms. */
  get throttledMs(): number {
    let sum = this.#forgottenThrottledMs;
    for (const { lane } of this.#lanes.values()) sum += lane.throttledMs;
    return sum;
  }

  /** The worker is what is slow. */
  get saturated(): boolean {
    return this.#isSaturated;
  }

  states(): { readonly known: number; readonly throttled: number } {
    let throttled = 0;
    for (const { lane } of this.#lanes.values()) if (lane.throttled) throttled += 1;
    return { known: this.#lanes.size, throttled };
  }

  list(): readonly Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane);
  }

  /** Shaping or controls are others now. */
  limitsChanged(): void {
    for (const entry of this.#lanes.values()) this.#refresh(entry);
  }

  /** Takes out the messages that may not go on waiting where they are, also those that were made ready. */
  displace(stays: (job: Job, lane: Lane) => boolean): Job[] {
    const removed: Job[] = [];
    for (const { lane } of this.#lanes.values()) {
      lane.unprepare();
      removed.push(...lane.remove((job) => !stays(job, lane)));
    }
    return removed;
  }

  /** By its key, where it is known. */
  known(key: string): Lane | undefined {
    return this.#lanes.get(key)?.lane;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.list().map((lane) => lane.stop()));
  }

  #entry({ isp, site, ownDomain }: LanePlace, source: EgressSource): Entry {
    const { stream, limitsOf, parts } = this.#options;
    const of: LaneOf = { stream, isp, site, source: source.name, ownDomain };
    const key = laneKey(of);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const { limits, changesAt } = limitsOf(of);
    const pace = Math.min(expectedPace, limits.messages?.perSecond ?? expectedPace);
    const entry: Entry = {
      lane: new Lane(key, of, limits, source, parts),
      limitsUntil: changesAt,
      room: new LaneRoom(pace, parts.now()),
      free: pace,
      desertedSince: undefined,
    };
    this.#lanes.set(key, entry);
    return entry;
  }

  #refresh(entry: Entry): void {
    const { limits, changesAt } = this.#options.limitsOf(entry.lane.of);
    entry.limitsUntil = changesAt;
    entry.lane.setLimits(limits);
  }

  #tick(): void {
    const now = this.#options.parts.now();
    const sweep = now >= this.#sweepAt;
    const measure = now >= this.#measureAt;
    if (sweep) this.#sweepAt = now + sweepMs;
    if (measure) {
      this.#measureAt = now + measureMs;
      this.#measure(now);
      this.#shareOut();
    }
    for (const [key, entry] of this.#lanes) {
      const { lane } = entry;
      if (entry.limitsUntil !== null && entry.limitsUntil <= now) this.#refresh(entry);
      if (sweep) lane.remove((job) => !this.#options.parts.mayBeSent(job));
      if (measure) this.#makeRoom(entry, now);
      lane.tidy();
      lane.advance();
      this.#lookForRoom(entry);
      if (!lane.deserted) entry.desertedSince = undefined;
      else if (entry.desertedSince === undefined) entry.desertedSince = now;
      else if (now - entry.desertedSince > forgetMs) {
        this.#forgottenThrottledMs += lane.throttledMs;
        this.#lanes.delete(key);
      }
    }
    if (this.#options.sources().size > 1) this.#evenOut();
  }

  #measure(now: number): void {
    if (this.#options.paused()) return;
    for (const { lane, room } of this.#lanes.values()) room.measure(lane.sent, lane.backlog, now);
  }

  /** Whether the lane holds itself back: in a worker that is out of CPU all of them wait, and a detour makes it worse. */
  #isSlow({ lane, room }: Entry, { pace, latestPace }: SharedWindow): boolean {
    if (!lane.holdsBack) return false;
    if (lane.throttled || !this.#isSaturated || room.pace < pace * slowShare) return true;
    return latestPace > tellingPace && room.latestPace < latestPace * slowShare;
  }

  /** Every lane that waits in a shared window may have as much of it, and none so much that it fills a partition's. */
  #shareOut(): void {
    const before = this.#utilization;
    this.#utilization = performance.eventLoopUtilization();
    this.#isSaturated = performance.eventLoopUtilization(this.#utilization, before).utilization > saturated;
    const sums = new Map<Isp, { waiting: number; pace: number; latestPace: number }>();
    for (const { lane, room } of this.#lanes.values()) {
      if (lane.backlog === 0) continue;
      const sum = sums.get(lane.isp) ?? { waiting: 0, pace: 0, latestPace: 0 };
      sum.waiting += 1;
      sum.pace += room.pace;
      sum.latestPace += room.latestPace;
      sums.set(lane.isp, sum);
    }
    const windows = new Map<Isp, SharedWindow>();
    for (const [isp, { waiting, pace, latestPace }] of sums) {
      const shared = this.#options.sharedWindow(isp);
      if (shared === undefined) continue;
      const fairShare = Math.floor(Math.min(shared.ofPartition / 2, shared.records / waiting));
      windows.set(isp, { fairShare, pace: pace / waiting, latestPace: latestPace / waiting });
    }
    this.#windows = windows;
  }

  /** What a lane can send in a moment, and what its sessions are given ahead. */
  #lookForRoom(entry: Entry): void {
    const { lane, room } = entry;
    if (isStuck(lane)) entry.free = 0;
    else entry.free = Math.max(room.pace * (freeMs / 1_000), 2 * lane.limits.connections) - lane.backlog;
  }

  /** What waits in a full lane goes to the pool's other sources as soon as those have room. */
  #evenOut(): void {
    const { alternatives, displaced } = this.#options;
    for (const { lane, free } of this.#lanes.values()) {
      if (free > 0 || lane.backlog === 0 || !this.#hasFreeSibling(lane)) continue;
      const keep = isStuck(lane) ? 1 : 2 * lane.limits.connections;
      let most = Math.min(lane.backlog - keep, mostMoved);
      if (most < 1) continue;
      const left = new Map<EgressSource, number>();
      displaced(
        lane.remove((job) => {
          if (most < 1) return false;
          const to = alternatives(job, lane).find(
            (source) => (left.get(source) ?? this.#free(lane, source)) >= 1,
          );
          if (to === undefined) return false;
          left.set(to, (left.get(to) ?? this.#free(lane, to)) - 1);
          most -= 1;
          return true;
        }),
      );
    }
  }

  #hasFreeSibling(lane: Lane): boolean {
    for (const source of this.#options.sources())
      if (source !== lane.source && this.#free(lane, source) >= 1) return true;
    return false;
  }

  /** What another source could take of what waits in this lane. */
  #free({ of }: Lane, source: EgressSource): number {
    return this.#lanes.get(laneKey({ ...of, source: source.name }))?.free ?? mostMoved;
  }

  /** What a lane of the shared shard cannot get rid of soon makes room for the others. */
  #makeRoom(entry: Entry, now: number): void {
    const { lane, room } = entry;
    const { backlog } = lane;
    const window = this.#windows.get(lane.isp);
    if (window === undefined || this.#options.paused()) return;
    const isOver = backlog > window.fairShare && this.#isSlow(entry, window);
    const most = room.room(window.fairShare, this.#isSaturated);
    const over = isOver && backlog > most ? lane.removeBeyond(most) : [];
    const stuck =
      room.pace < 1 && lane.holdsBack
        ? lane.remove((job) => now - job.takenAt > momentMs && lane.sessions === 0)
        : [];
    for (const job of [...over, ...stuck]) this.#options.postpone(job, room.returnAt(lane.backlog, now));
  }
}
