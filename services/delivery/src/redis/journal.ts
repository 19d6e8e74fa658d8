/**
 * What is known of each message's delivery, for some days: begun, or done. It keeps a message that Kafka gives twice
 * from being sent twice, whichever worker gets it.
 *
 * All calls made in one turn of the event loop go to Redis together; when calls come fast they are gathered for some
 * milliseconds, so that a call for each message does not become a call to Redis for each. What tells of a message that was
 * taken holds nobody up: it goes along with the next call, or by itself after a moment. Only few of them are left to wait.
 * About 16 bytes a message.
 */
import { type MessageId, messageIdBytes, messageIdTime } from '@millrace/core';
import { bucketMs, fieldBytes, visitJournal } from './journal-script.ts';
import type { RedisPresence } from './redis-presence.ts';
import type { RedisClient } from './redis-script.ts';

export type JournalEntry =
  /** Not begun, or begun and ended without the message being sent. */
  | { readonly kind: 'none' }
  /** A worker is about to finish it, or died or lost Redis doing so. `since`: ms since the epoch. */
  | { readonly kind: 'inflight'; readonly worker: number; readonly since: number }
  /** The server took it. `at`: ms since the epoch. */
  | { readonly kind: 'done'; readonly at: number }
  /** Redis is away and this worker does not know by itself. */
  | { readonly kind: 'unknown' };

export interface JournalOptions {
  readonly client: RedisClient;
  readonly presence: RedisPresence;
  readonly keyPrefix: string;
  /** Number of this worker in the census. */
  readonly worker: number;
  /** How long a message is remembered after its last change, days. */
  readonly days: number;
  /** ms since the epoch. */
  readonly now?: () => number;
}

interface Visit {
  readonly id: MessageId;
  /** '': look only. */
  readonly value: string;
  readonly settle: (was: string | undefined, depth: number) => void;
}

const none = '0';
/** Worker numbers are below 2^20; ms after the bucket's beginning below 2^32: seven weeks. */
const workerUnit = 2 ** 32;

/** A call for so many messages is worth making. */
const worthwhile = 30;
/** Nothing that somebody waits for is held back longer than this, ms. */
const longestHoldMs = 4;
/** That a message was taken is written within this, ms. */
const endHoldMs = 15;
/** Calls that come faster than this a second are gathered. */
const fastPerSecond = 2_000;
/**
 * Ends that wait no longer, not even for the rest of this turn of the event loop: in a worker that is out of CPU a turn
 * is long, and a message that was taken and is not written down is sent again if the worker dies.
 */
const mostEndsUnwritten = 16;
/** Messages of one call: Redis serves nobody else meanwhile. */
const mostAtOnce = 500;
/** Messages done while Redis was away, which are written when it is back. */
const mostOwed = 200_000;
/** Messages whose place is remembered until they end. */
const mostDepths = 50_000;
/** Buckets younger than this live long enough from their beginning on, ms. */
const youngMs = 3_600_000;

export class Journal {
  readonly #options: JournalOptions;
  readonly #now: () => number;
  #visits: Visit[] = [];
  /** Of them those that say that a message was taken. */
  #ends = 0;
  /** At the end of this turn of the event loop. */
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #perSecond = 0;
  #visitedAt = 0;
  /** Done while Redis was away: id and when. */
  readonly #owed = new Map<MessageId, number>();
  readonly #calls = new Set<Promise<void>>();
  /** Where Redis keeps, or would keep, those that were looked for here and have not ended. */
  readonly #depths = new Map<MessageId, number>();
  /** Calls to Redis, and messages in them, since the start. */
  readonly stats = { calls: 0, visits: 0 };

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Notes that the messages are about to be sent; answers what was known of each before. What is done stays done.
   * Never rejects.
   */
  begin(ids: readonly MessageId[]): Promise<JournalEntry[]> {
    const now = this.#now();
    return Promise.all(
      ids.map(async (id) => {
        const value = -(this.#options.worker * workerUnit + age(id, now));
        return this.#entry(id, await this.#change(id, String(value)));
      }),
    );
  }

  /**
   * As `begin`, for one message, but only where nothing is known of it, or nothing came of it: what another worker has in
   * a session stays that worker's.
   */
  async claim(id: MessageId): Promise<JournalEntry> {
    const value = -(this.#options.worker * workerUnit + age(id, this.#now()));
    return this.#entry(id, await this.#change(id, `?${value}`));
  }

  /** The server took the message. Resolves when it is written, or kept to be written when Redis is back. */
  done(id: MessageId, at = this.#now()): Promise<void> {
    const written = this.#writeEnd(id, at, endHoldMs);
    this.#ends += 1;
    if (this.#ends >= mostEndsUnwritten) this.#flush();
    return written;
  }

  /** The message was begun and not taken: it may be sent again, unless another worker has done it meanwhile. */
  async undo(id: MessageId): Promise<void> {
    await this.#change(id, none);
    this.#depths.delete(id);
  }

  /** What is known of each message. Never rejects. */
  lookup(ids: readonly MessageId[]): Promise<JournalEntry[]> {
    return Promise.all(ids.map(async (id) => this.#entry(id, await this.#visit(id, ''))));
  }

  /** Writes what was done while Redis was away: to be called when it is back. */
  async settleOwed(): Promise<void> {
    const owed = [...this.#owed];
    this.#owed.clear();
    await Promise.all(owed.map(([id, at]) => this.#writeEnd(id, at)));
  }

  /** Resolves when everything that was called for is written. */
  async stop(): Promise<void> {
    await this.settleOwed();
    while (this.#visits.length > 0 || this.#calls.size > 0) {
      this.#flush();
      await Promise.all(this.#calls);
    }
  }

  async #writeEnd(id: MessageId, at: number, holdMs = 0): Promise<void> {
    const was = await this.#change(id, String(1 + age(id, at)), holdMs);
    this.#depths.delete(id);
    if (was === undefined && this.#owed.size < mostOwed) this.#owed.set(id, at);
  }

  #entry(id: MessageId, was: string | undefined): JournalEntry {
    const owed = this.#owed.get(id);
    if (owed !== undefined) return { kind: 'done', at: owed };
    if (was === undefined) return { kind: 'unknown' };
    const value = Number(was);
    if (value === 0) return { kind: 'none' };
    const from = beginning(id);
    if (value > 0) return { kind: 'done', at: from + value - 1 };
    return { kind: 'inflight', worker: Math.floor(-value / workerUnit), since: from + (-value % workerUnit) };
  }

  #change(id: MessageId, value: string, holdMs = 0): Promise<string | undefined> {
    const depth = this.#depths.get(id);
    return this.#visit(id, depth === undefined ? value : `${value}@${depth}`, holdMs);
  }

  #visit(id: MessageId, value: string, holdMs = 0): Promise<string | undefined> {
    return new Promise((resolve) => {
      const settle = (was: string | undefined, depth: number): void => {
        if (was !== undefined) this.#remember(id, depth);
        resolve(was);
      };
      this.#visits.push({ id, value, settle });
      this.#flushWithin(Math.max(holdMs, this.#holdMs()));
    });
  }

  #flushWithin(holdMs: number): void {
    if (this.#isDue) return;
    if (holdMs < 1) {
      this.#isDue = true;
      setImmediate(this.#flush);
      return;
    }
    const at = performance.now() + holdMs;
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(this.#flush, holdMs);
  }

  /** Only a hint that saves Redis a search: those that nobody ended make room. */
  #remember(id: MessageId, depth: number): void {
    if (this.#depths.size >= mostDepths) this.#depths.clear();
    this.#depths.set(id, depth);
  }

  /** How long to gather at the pace of the last calls, ms. */
  #holdMs(): number {
    if (this.#perSecond < fastPerSecond) return 0;
    return Math.min(longestHoldMs, Math.ceil((worthwhile / this.#perSecond) * 1_000));
  }

  readonly #flush = (): void => {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#isDue = false;
    if (this.#visits.length === 0) return;
    const visits = this.#visits;
    this.#visits = [];
    this.#ends = 0;
    this.#notePace(visits.length);
    const buckets = new Map<number, Visit[]>();
    for (const visit of visits) {
      const from = beginning(visit.id);
      const bucket = buckets.get(from);
      if (bucket === undefined) buckets.set(from, [visit]);
      else bucket.push(visit);
    }
    for (const [from, all] of buckets) {
      for (let start = 0; start < all.length; start += mostAtOnce) {
        const call = this.#call(from, all.slice(start, start + mostAtOnce)).finally(() =>
          this.#calls.delete(call),
        );
        this.#calls.add(call);
      }
    }
  };

  async #call(from: number, visits: readonly Visit[]): Promise<void> {
    const { client, presence, keyPrefix, days } = this.#options;
    this.stats.calls += 1;
    this.stats.visits += visits.length;
    const ttlSeconds = Math.ceil(days * 86_400 + youngMs / 1_000);
    const isOld = this.#now() - from > youngMs;
    const fields = Buffer.concat(visits.map(({ id }) => messageIdBytes(id).subarray(-fieldBytes)));
    const answers = await presence.note(
      visitJournal.run(
        client,
        [`${keyPrefix}journal:{${(from / bucketMs).toString(36)}}`],
        [ttlSeconds, isOld ? 1 : 0, fields, ...visits.map(({ value }) => value)],
      ),
    );
    const [values, depths] = answers ?? [];
    visits.forEach(({ settle }, index) => {
      if (!Array.isArray(values) || !Array.isArray(depths)) settle(undefined, 0);
      else settle(String(values[index]), Number(depths[index]));
    });
  }

  #notePace(visits: number): void {
    const now = performance.now();
    const elapsed = Math.max(0.1, now - this.#visitedAt) / 1_000;
    this.#visitedAt = now;
    const memory = 0.1;
    this.#perSecond = this.#perSecond * Math.exp(-elapsed / memory) + visits / memory;
  }
}

const beginning = (id: MessageId): number => Math.floor(messageIdTime(id) / bucketMs) * bucketMs;

/** From the beginning of the id's bucket, ms. */
const age = (id: MessageId, at: number): number =>
  Math.min(workerUnit - 2, Math.max(0, Math.round(at) - beginning(id)));
