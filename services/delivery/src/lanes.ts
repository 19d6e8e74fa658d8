/** The lanes that this worker has messages for, and what has to be looked at from time to time. */
import { type Isp, type LaneOf, laneKey, laneLimits, type Shaping, type Stream } from '@millrace/core';
import type { EgressSource } from './egress.ts';
import type { Job } from './job.ts';
import { Lane, type LaneParts } from './lane.ts';
import { LaneRoom } from './lane-room.ts';

export interface LanesOptions {
  readonly stream: Stream;
  readonly shaping: Shaping;
  readonly parts: LaneParts;
  /** No room in the window that its lane shares with others: it may come back then, ms since the epoch. */
  readonly postpone: (job: Job, dueAt: number) => void;
  /** Records of the shared shard that this worker holds at most. */
  readonly sharedWindow: () => { readonly records: number; readonly ofPartition: number };
  /** Nothing is sent at the moment, and that is no lane's fault. */
  readonly paused: () => boolean;
}

interface Entry {
  readonly lane: Lane;
  /** Of lanes in the shared shard. */
  readonly room: LaneRoom | undefined;
  desertedSince: number | undefined;
}

const tickMs = 250;
const sweepMs = 5_000;
const measureMs = 1_000;
/** A lane that nothing happens in is forgotten after this, ms. */
const forgetMs = 60_000;
/** A message in a shared window waits so long for a lane that hardly moves, ms. */
const momentMs = 3_000;
/** Until there is a measure, messages a second. */
const expectedPace = 1_000;

export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, Entry>();
  readonly #timer: NodeJS.Timeout;
  #sweepAt = 0;
  #measureAt = 0;
  #forgottenThrottledMs = 0;
  #fairShare = 0;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** The lane from a source to a provider, or to a site that nobody knows. */
  of(isp: Isp, site: string, source: EgressSource): Lane {
    return this.#entry(isp, site, source).lane;
  }

  /** When a message that finds no room in the window may come back, ms since the epoch; undefined: there is room. */
  returnAt(isp: Isp, site: string, source: EgressSource): number | undefined {
    if (isp !== 'other') return undefined;
    const { lane, room } = this.#entry(isp, site, source);
    if (room === undefined || lane.backlog < room.room(this.#fairShare)) return undefined;
    return room.returnAt(lane.backlog, this.#options.parts.now());
  }

  /** Time that lanes with messages had no token, ms. */
  get throttledMs(): number {
    let sum = this.#forgottenThrottledMs;
    for (const { lane } of this.#lanes.values()) sum += lane.throttledMs;
    return sum;
  }

  states(): { readonly known: number; readonly throttled: number } {
    let throttled = 0;
    for (const { lane } of this.#lanes.values()) if (lane.throttled) throttled += 1;
    return { known: this.#lanes.size, throttled };
  }

  list(): readonly Lane[] {
    return [...this.#lanes.values()].map(({ lane }) => lane);
  }

  /** By its key, where it is known. */
  known(key: string): Lane | undefined {
    return this.#lanes.get(key)?.lane;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.list().map((lane) => lane.stop()));
  }

  #entry(isp: Isp, site: string, source: EgressSource): Entry {
    const { stream, shaping, parts } = this.#options;
    const of: LaneOf = { stream, isp, site, source: source.name };
    const key = laneKey(of);
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const limits = laneLimits(shaping, of);
    const pace = Math.min(expectedPace, limits.messages?.perSecond ?? expectedPace);
    const entry: Entry = {
      lane: new Lane(key, limits, source, parts),
      room: isp === 'other' ? new LaneRoom(pace, parts.now()) : undefined,
      desertedSince: undefined,
    };
    this.#lanes.set(key, entry);
    return entry;
  }

  #tick(): void {
    const now = this.#options.parts.now();
    const sweep = now >= this.#sweepAt;
    const measure = now >= this.#measureAt;
    if (sweep) this.#sweepAt = now + sweepMs;
    if (measure) {
      this.#measureAt = now + measureMs;
      this.#shareOut();
    }
    for (const [key, entry] of this.#lanes) {
      const { lane } = entry;
      if (sweep) lane.remove((job) => !this.#options.parts.mayBeSent(job));
      if (measure) this.#makeRoom(entry, now);
      lane.tidy();
      lane.advance();
      if (!lane.deserted) entry.desertedSince = undefined;
      else if (entry.desertedSince === undefined) entry.desertedSince = now;
      else if (now - entry.desertedSince > forgetMs) {
        this.#forgottenThrottledMs += lane.throttledMs;
        this.#lanes.delete(key);
      }
    }
  }

  /** Every lane that waits in the shared window may have as much of it, and none so much that it fills a partition's. */
  #shareOut(): void {
    let waiting = 0;
    for (const { lane, room } of this.#lanes.values())
      if (room !== undefined && lane.backlog > 0) waiting += 1;
    const { records, ofPartition } = this.#options.sharedWindow();
    this.#fairShare = Math.floor(Math.min(ofPartition / 2, records / Math.max(1, waiting)));
  }

  /** What a lane of the shared shard cannot get rid of soon makes room for the others. */
  #makeRoom({ lane, room }: Entry, now: number): void {
    if (room === undefined) return;
    const { backlog } = lane;
    if (this.#options.paused()) return;
    room.measure(lane.sent, backlog, now);
    const most = room.room(this.#fairShare);
    const over = backlog > most ? lane.removeBeyond(most) : [];
    const stuck =
      room.pace < 1 ? lane.remove((job) => now - job.takenAt > momentMs && lane.sessions === 0) : [];
    for (const job of [...over, ...stuck]) this.#options.postpone(job, room.returnAt(lane.backlog, now));
  }
}
