/**
 * Messages that a suspension holds back. They stay in this worker's window, so that they go on the moment it ends; what
 * would take the window away from others waits in a delay tier.
 */
import type { Control, Suspension } from '@millrace/core';
import type { Job } from '../job.ts';

export interface HeldBackParts {
  /** What stands under a control's key now, in force or not. A warm-up's stands for the suspensions that follow from it. */
  readonly current: (key: string) => Control | undefined;
  /** Whether the message may still be sent; where not, that has been seen to. */
  readonly mayBeSent: (job: Job) => boolean;
  /** They may go on, or are held by another suspension. */
  readonly place: (jobs: readonly Job[]) => void;
  readonly postpone: (job: Job, dueAt: number) => void;
  /** Messages of one partition that may be held while others come through it. */
  readonly mostOfPartition: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Messages of one lane that wait for the end of one suspension. */
export interface HeldLane {
  /** `<stream>/<provider or site>/<source>`. */
  readonly lane: string;
  readonly control: Suspension;
  /** Since when the first of them waits, ms since the epoch. */
  readonly since: number;
  readonly jobs: readonly Job[];
}

interface Group extends HeldLane {
  jobs: Job[];
}

const lookMs = 200;
const sweepMs = 5_000;
/** Of those that wait in a delay tier the first comes back after this, ms. */
const returnMs = 30_000;
/** They come back one after the other, ms. */
const returnEveryMs = 5;
/** And none later than this, ms: the suspension may be undone at any moment. */
const latestMs = 600_000;

const partitionOf = ({ held }: Job): string => `${held.topic}/${held.partition}`;

export class HeldBack {
  readonly #parts: HeldBackParts;
  readonly #groups = new Map<string, Group>();
  /** Messages by partition. */
  readonly #counts = new Map<string, number>();
  /** Begin of the groups that are being placed anew. */
  #before: ReadonlyMap<string, HeldLane> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #sweepAt = 0;
  #returnsAt = 0;

  constructor(parts: HeldBackParts) {
    this.#parts = parts;
  }

  /** @param whole nothing else comes through its partition, so that it takes the window away from nobody */
  hold(job: Job, control: Suspension, lane: string, whole: boolean): void {
    const partition = partitionOf(job);
    const count = this.#counts.get(partition) ?? 0;
    if (!whole && count >= this.#parts.mostOfPartition) {
      this.#parts.postpone(job, this.#returnAt(control));
      return;
    }
    job.held.waits();
    this.#counts.set(partition, count + 1);
    // A new control under an old key has other messages than the one before it.
    const key = `${control.key} ${control.setAt} ${lane}`;
    const group = this.#groups.get(key);
    if (group !== undefined) group.jobs.push(job);
    else {
      const since = this.#before.get(key)?.since ?? this.#parts.now();
      this.#groups.set(key, { control, lane, since, jobs: [job] });
    }
    this.#timer ??= setInterval(() => this.#look(), lookMs);
  }

  /** Looks at all of them anew: controls have changed. */
  release(): void {
    this.#before = new Map(this.#groups);
    this.#groups.clear();
    this.#counts.clear();
    this.#parts.place([...this.#before.values()].flatMap(({ jobs }) => jobs));
    this.#before = new Map();
  }

  lanes(): readonly HeldLane[] {
    return [...this.#groups.values()];
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#groups.clear();
  }

  #look(): void {
    const now = this.#parts.now();
    const over: Job[] = [];
    for (const [key, { control, jobs }] of this.#groups) {
      const isInForce = control.until === null || control.until > now;
      if (isInForce && this.#parts.current(control.key)?.setAt === control.setAt) continue;
      this.#groups.delete(key);
      over.push(...jobs);
    }
    for (const job of over) this.#forget(job);
    if (now >= this.#sweepAt) this.#sweep(now);
    if (this.#groups.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (over.length > 0) this.#parts.place(over);
  }

  /** Ends what grew too old, and forgets what is another worker's now. */
  #sweep(now: number): void {
    this.#sweepAt = now + sweepMs;
    for (const [key, group] of this.#groups) {
      group.jobs = group.jobs.filter((job) => {
        const stays = this.#parts.mayBeSent(job);
        if (!stays) this.#forget(job);
        return stays;
      });
      if (group.jobs.length === 0) this.#groups.delete(key);
    }
  }

  #forget(job: Job): void {
    const partition = partitionOf(job);
    const count = (this.#counts.get(partition) ?? 1) - 1;
    if (count > 0) this.#counts.set(partition, count);
    else this.#counts.delete(partition);
  }

  /** Each in its turn; where the turns reach too far they begin again. */
  #returnAt({ until }: Suspension): number {
    const now = this.#parts.now();
    const next = Math.max(this.#returnsAt, now + returnMs) + returnEveryMs;
    this.#returnsAt = next > now + latestMs ? now + returnMs : next;
    return until === null ? this.#returnsAt : Math.min(this.#returnsAt, Math.max(until, now));
  }
}
