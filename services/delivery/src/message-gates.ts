/**
 * Where messages wait for a rate of their tenant, campaign or tag, so that they keep no other message of their lane
 * waiting. Who has a token of each of its rates goes into its lane, and leaves soon or comes back for another.
 */
import {
  DeadlineQueue,
  isps,
  type LimitedFacts,
  type MessageLimitInForce,
  type Stream,
  sharedRate,
} from '@millrace/core';
import type { Job } from './job.ts';
import { LaneRoom } from './lane-room.ts';
import type { TokenBuckets } from './redis/token-buckets.ts';

export interface MessageGatesParts {
  readonly buckets: Pick<TokenBuckets, 'take' | 'giveBack'>;
  /** The rates that a message has to keep to, the slowest first. */
  readonly limitsOf: (job: Job) => readonly MessageLimitInForce[];
  /** Whether the message may still be sent; where not, that has been seen to. */
  readonly mayBeSent: (job: Job) => boolean;
  /** They go into their lanes. */
  readonly place: (jobs: readonly Job[]) => void;
  /** No room in the window: it may come back then, ms since the epoch. */
  readonly postpone: (job: Job, dueAt: number) => void;
  /** Messages of one partition that may wait here. */
  readonly mostOfPartition: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

interface Gate {
  readonly limit: MessageLimitInForce;
  readonly waiting: DeadlineQueue<Job>;
  readonly room: LaneRoom;
  opening: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Tokens of one call: each sends a message into its lane. */
const atOnce = 50;
/** A message that has its tokens leaves within this, ms, or waits for others: its lane is not ready for it. */
const leavesWithinMs = 2_000;
const sweepMs = 5_000;

const partitionOf = ({ held }: Job): string => `${held.topic}/${held.partition}`;

export class MessageGates {
  readonly #parts: MessageGatesParts;
  readonly #gates = new Map<string, Gate>();
  /** Until when those that have their tokens may use them, ms since the epoch. */
  readonly #passes = new WeakMap<Job, number>();
  /** Waiting messages by partition. */
  readonly #counts = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #stopped = false;

  constructor(parts: MessageGatesParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#sweep(), sweepMs);
  }

  /** Messages that wait here. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.#gates.values()) sum += waiting.size;
    return sum;
  }

  /** Whether it may leave now. False: it waits here, and finds its way into its lane by itself. Cheap. */
  admits(job: Job): boolean {
    const limits = this.#parts.limitsOf(job);
    const [slowest] = limits;
    if (slowest === undefined) return true;
    const until = this.#passes.get(job);
    if (until !== undefined && until >= this.#parts.now()) return true;
    this.#hold(job, slowest, until === undefined ? job.held.value.deadline : this.#parts.now());
    return false;
  }

  /** The limits are others now. */
  release(): void {
    const jobs: Job[] = [];
    for (const gate of this.#gates.values()) {
      clearTimeout(gate.timer);
      jobs.push(...gate.waiting.drain());
    }
    this.#gates.clear();
    this.#counts.clear();
    if (jobs.length > 0) this.#parts.place(jobs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const gate of this.#gates.values()) clearTimeout(gate.timer);
    this.#gates.clear();
  }

  #hold(job: Job, limit: MessageLimitInForce, turn: number): void {
    if (this.#stopped) return;
    this.#passes.delete(job);
    const now = this.#parts.now();
    let gate = this.#gates.get(limit.bucket);
    if (gate === undefined) {
      const room = new LaneRoom(limit.rate.perSecond, now);
      gate = { limit, waiting: new DeadlineQueue(), room, opening: false, timer: undefined };
      this.#gates.set(limit.bucket, gate);
    }
    const partition = partitionOf(job);
    const count = this.#counts.get(partition) ?? 0;
    if (count >= this.#parts.mostOfPartition) {
      this.#parts.postpone(job, gate.room.returnAt(gate.waiting.size, now));
      return;
    }
    this.#counts.set(partition, count + 1);
    gate.waiting.add(turn, job);
    this.#open(gate);
  }

  #open(gate: Gate): void {
    if (gate.opening || gate.timer !== undefined || this.#stopped) return;
    gate.opening = true;
    this.#letThrough(gate).then((waitMs) => {
      gate.opening = false;
      if (this.#gates.get(gate.limit.bucket) !== gate) return;
      if (gate.waiting.size === 0) this.#gates.delete(gate.limit.bucket);
      else
        gate.timer = setTimeout(() => {
          gate.timer = undefined;
          this.#open(gate);
        }, waitMs);
    });
  }

  /** ms until it is worth trying again. */
  async #letThrough({ limit, waiting }: Gate): Promise<number> {
    const { buckets, mayBeSent, place } = this.#parts;
    const want = Math.min(atOnce, waiting.size);
    const { granted, waitMs } = await buckets.take(limit.bucket, limit.rate, want);
    let left = granted;
    const through: Job[] = [];
    while (left > 0 && !this.#stopped) {
      const job = waiting.take();
      if (job === undefined) break;
      this.#forget(job);
      if (!mayBeSent(job)) continue;
      const short = await this.#shortOf(job, limit);
      if (short === undefined) {
        left -= 1;
        this.#passes.set(job, this.#parts.now() + this.#goodForMs(job));
        through.push(job);
      } else this.#hold(job, short, job.held.value.deadline);
    }
    buckets.giveBack(limit.bucket, left);
    if (through.length > 0) place(through);
    return granted > 0 ? 1 : waitMs;
  }

  /** Takes a token of each further rate; the one that has none. */
  async #shortOf(job: Job, than: MessageLimitInForce): Promise<MessageLimitInForce | undefined> {
    const { buckets, limitsOf } = this.#parts;
    const taken: MessageLimitInForce[] = [];
    for (const limit of limitsOf(job)) {
      if (limit.bucket === than.bucket) continue;
      const { granted } = await buckets.take(limit.bucket, limit.rate, 1);
      if (granted > 0) {
        taken.push(limit);
        continue;
      }
      for (const { bucket } of taken) buckets.giveBack(bucket, 1);
      return limit;
    }
    return undefined;
  }

  #goodForMs(job: Job): number {
    const delays = this.#parts.limitsOf(job).map(({ rate }) => sharedRate(rate).delayUs / 1_000);
    return Math.max(leavesWithinMs, Math.min(...delays));
  }

  /** Ends what grew too old, and forgets what is another worker's now. */
  #sweep(): void {
    for (const { waiting } of this.#gates.values()) {
      for (const job of waiting.drain()) {
        if (this.#parts.mayBeSent(job)) waiting.add(job.held.value.deadline, job);
        else this.#forget(job);
      }
    }
  }

  #forget(job: Job): void {
    const partition = partitionOf(job);
    const count = (this.#counts.get(partition) ?? 1) - 1;
    if (count > 0) this.#counts.set(partition, count);
    else this.#counts.delete(partition);
  }
}

/** What limits look at of a message. */
export const limitedFacts = ({ held }: Job, stream: Stream): LimitedFacts => {
  const { tenant, campaign, tags, isp } = held.value;
  return { tenant, campaign, tags, isp: isps.find((one) => one === isp) ?? 'other', stream };
};
