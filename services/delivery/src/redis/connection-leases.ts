/**
 * Connections to a lane that all workers share: never more than the limit, however many workers there are.
 *
 * A lease stands for one connection from before it is opened until it is closed. It expires in Redis unless it is
 * renewed, which happens for all of them together; those of a killed worker come back that way. Who finds none free
 * waits in line (see lease-scripts.ts) and is told when its turn has come. Who holds one is told when it should give
 * way after its quantum of mails: when another has none, or at least two fewer.
 *
 * While Redis is away nobody can be told, and nobody else can get what was granted. Leases go on, new ones are taken
 * within the worker's share of the limit once those who hold more have had the time to shrink to theirs.
 */
import { connectionShare, leaseKey } from '@millrace/core';
import { acquireLease, leaveQueue, releaseLease, renewLeases } from './lease-scripts.ts';
import type { RedisPresence } from './redis-presence.ts';
import type { RedisClient } from './redis-script.ts';
import type { WorkerCensus } from './worker-census.ts';

export interface Lease {
  readonly id: string;
  readonly lane: string;
}

export interface ConnectionLeasesOptions {
  readonly client: RedisClient;
  readonly presence: RedisPresence;
  readonly census: Pick<WorkerCensus, 'workers' | 'rank' | 'number'>;
  readonly keyPrefix: string;
  /** While Redis is away: go on with the share (realtime), or open nothing (batch). */
  readonly whenAway: 'share' | 'pause';
  /** A lease that is not renewed expires after this, ms. Default 10,000. */
  readonly ttlMs?: number;
  /** A connection may be free in this lane: ask again. */
  readonly onFree?: (lane: string) => void;
  /** The lease is another's now: close its connection at once. */
  readonly onLost?: (lease: Lease) => void;
  /** The wall clock, ms: workers take turns by it while Redis is away. */
  readonly wallMs?: () => number;
}

interface LaneLeases {
  limit: number;
  readonly leases: Set<Lease>;
  /** Leases that Redis is being asked for. */
  asking: number;
  /** Connections that each waiting worker has, other workers and this one. */
  waiters: number[];
  /** Connections above the limit, when that was lowered. */
  excess: number;
  /** This worker is one of those who wait. */
  queued: boolean;
  /** Leases that were told to give way. */
  readonly yielding: Set<Lease>;
}

/** Asking again, when nobody woke us, ms. */
const askAgainMs = 200;
const askAgainAwayMs = 1_000;
/** Turns of the share while there are more workers than connections, ms, and how long the one before has to close. */
const turnMs = 20_000;
const turnGuardMs = 5_000;

export class ConnectionLeases {
  readonly #options: ConnectionLeasesOptions;
  readonly #ttlMs: number;
  readonly #worker: string;
  readonly #channel: string;
  readonly #wallMs: () => number;
  readonly #lanes = new Map<string, LaneLeases>();
  readonly #onMessage = (channel: string, text: string): void => {
    if (channel === this.#channel + this.#worker) this.#told(text);
  };
  #serial = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  /** Calls to Redis since the start. */
  readonly stats = { calls: 0 };

  constructor(options: ConnectionLeasesOptions) {
    this.#options = options;
    this.#ttlMs = options.ttlMs ?? 10_000;
    this.#worker = String(options.census.number);
    this.#channel = `${options.keyPrefix}lease:`;
    this.#wallMs = options.wallMs ?? Date.now;
  }

  /** Begins to renew and to listen. */
  start(): void {
    const { client } = this.#options;
    client.on('message', this.#onMessage);
    client.on('ready', this.#listen);
    if (client.status === 'ready') this.#listen();
    this.#timer = setInterval(() => this.#renewOnce(), this.#ttlMs / 4);
  }

  /** Ends renewing and leaves the lines; leases that are still held are to be released before. */
  async stop(): Promise<void> {
    const { client } = this.#options;
    clearInterval(this.#timer);
    client.off('message', this.#onMessage);
    client.off('ready', this.#listen);
    await this.#renewing;
    const left = [...this.#lanes.keys()].map((lane) => this.leave(lane));
    await Promise.all(left);
    if (client.status === 'ready') await this.#note(client.unsubscribe(this.#channel + this.#worker));
  }

  /** Leases of this worker in a lane. */
  held(lane: string): number {
    return this.#lanes.get(lane)?.leases.size ?? 0;
  }

  /**
   * A lease, or when to ask again; this worker then has its place in the line for some seconds, and `onFree` is called
   * when it is its turn. `deadline`: of the most urgent mail, ms since the epoch. Never rejects.
   */
  async acquire(lane: string, limit: number, deadline: number): Promise<Lease | { readonly waitMs: number }> {
    const at = this.#laneOf(lane, limit);
    const { state } = this.#options.presence;
    if (state !== 'here' && at.leases.size + at.asking >= this.#share(limit))
      return { waitMs: askAgainAwayMs };
    if (state === 'away') return this.#takeShare(lane, at);
    const lease: Lease = { lane, id: `${this.#worker}/${this.#serial++}` };
    at.asking += 1;
    const asked = acquireLease.run(this.#options.client, this.#keys(lane), [
      this.#channel,
      lane,
      ...[limit, this.#ttlMs, this.#worker, lease.id, Math.floor(deadline)],
    ]);
    const [granted, waiters] = (await this.#note(asked)) ?? [];
    at.asking -= 1;
    if (granted === 1) {
      at.leases.add(lease);
      at.queued = false;
      at.waiters = counts(waiters);
      return lease;
    }
    at.queued = granted === 0;
    return { waitMs: askAgainMs };
  }

  /** The lane may have more connections than before, or fewer: then some should close soon (`shouldYield`). */
  limitChanged(lane: string, limit: number): void {
    const at = this.#lanes.get(lane);
    if (at === undefined || at.limit === limit) return;
    const more = limit > at.limit;
    at.limit = limit;
    if (this.#options.presence.state !== 'away' && at.leases.size > 0) void this.#renew(lane, at);
    if (more && at.queued) this.#options.onFree?.(lane);
  }

  /** The connection is closed, or was never opened. */
  release(lease: Lease): void {
    const at = this.#lanes.get(lease.lane);
    if (at === undefined || !at.leases.delete(lease)) return;
    // The one that it was given up for has it now, though nobody has told us so yet.
    if (at.yielding.delete(lease)) at.waiters.splice(at.waiters.indexOf(Math.min(...at.waiters)), 1);
    if (this.#options.presence.state === 'away') return;
    const args = [this.#channel, lease.lane, at.limit, this.#worker, lease.id];
    void this.#note(releaseLease.run(this.#options.client, this.#keys(lease.lane), args));
  }

  /** No mail waits for a connection of this lane any more: others need not give way. */
  async leave(lane: string): Promise<void> {
    const at = this.#lanes.get(lane);
    if (at === undefined || !at.queued) return;
    at.queued = false;
    if (this.#options.presence.state === 'away') return;
    await this.#note(
      leaveQueue.run(this.#options.client, this.#keys(lane), [this.#channel, lane, this.#worker]),
    );
  }

  /** Whether the connection should close after its quantum of mails, for another worker or because the limit shrank. */
  shouldYield(lease: Lease): boolean {
    const at = this.#lanes.get(lease.lane);
    if (at === undefined || !at.leases.has(lease)) return true;
    const give = this.#toGive(at);
    if (give === 0) at.yielding.clear();
    else if (at.yielding.size < give) at.yielding.add(lease);
    return at.yielding.has(lease);
  }

  /** How many of this worker's connections in a lane should be given up. */
  #toGive(at: LaneLeases): number {
    const { presence, whenAway } = this.#options;
    if (presence.state === 'away') {
      return whenAway === 'share' ? Math.max(0, at.leases.size - this.#share(at.limit)) : 0;
    }
    const mine = at.leases.size;
    let give = at.excess;
    for (const theirs of at.waiters) if (theirs === 0 || theirs + 1 < mine - give) give++;
    return Math.min(give, mine);
  }

  #takeShare(lane: string, at: LaneLeases): Lease | { readonly waitMs: number } {
    const { presence, whenAway } = this.#options;
    // Others may hold more than their share until then.
    if (whenAway === 'pause' || presence.sinceMs < this.#ttlMs) return { waitMs: askAgainAwayMs };
    const lease: Lease = { lane, id: `${this.#worker}/${this.#serial++}` };
    at.leases.add(lease);
    return lease;
  }

  #share(limit: number): number {
    const { workers, rank } = this.#options.census;
    const now = this.#wallMs();
    const turn = Math.floor(now / turnMs);
    const share = connectionShare(limit, workers, rank, turn);
    if (now - turn * turnMs >= turnGuardMs) return share;
    return Math.min(share, connectionShare(limit, workers, rank, turn - 1));
  }

  #renewOnce(): void {
    this.#renewing ??= this.#renewAll().finally(() => {
      this.#renewing = undefined;
    });
  }

  async #renewAll(): Promise<void> {
    const renewals: Promise<void>[] = [];
    for (const [lane, at] of this.#lanes) {
      if (at.leases.size > 0) renewals.push(this.#renew(lane, at));
      else if (!at.queued && at.asking === 0) this.#lanes.delete(lane);
    }
    await Promise.all(renewals);
  }

  async #renew(lane: string, at: LaneLeases): Promise<void> {
    const leases = [...at.leases];
    const ids = leases.map(({ id }) => id);
    const args = [this.#channel, lane, at.limit, this.#ttlMs, ...ids];
    const answer = await this.#note(renewLeases.run(this.#options.client, this.#keys(lane), args));
    if (answer === undefined) return;
    const [waiters, excess, ...lost] = answer;
    at.waiters = counts(waiters);
    at.excess = Number(excess);
    for (const lease of leases) {
      if (!lost.includes(lease.id) || !at.leases.delete(lease)) continue;
      at.yielding.delete(lease);
      this.#options.onLost?.(lease);
    }
  }

  #told(text: string): void {
    const [what, lane = '', waiters] = text.split('\n');
    const at = this.#lanes.get(lane);
    if (at === undefined) return;
    if (what === 'wait') at.waiters = counts(waiters);
    else if (at.queued) this.#options.onFree?.(lane);
  }

  readonly #listen = (): void => {
    void this.#note(this.#options.client.subscribe(this.#channel + this.#worker));
  };

  async #note<T>(call: Promise<T>): Promise<T | undefined> {
    this.stats.calls += 1;
    return this.#options.presence.note(call);
  }

  #keys(lane: string): string[] {
    const { keyPrefix } = this.#options;
    return (['leases', 'waiting', 'seen'] as const).map((set) => leaseKey(keyPrefix, set, lane));
  }

  #laneOf(lane: string, limit: number): LaneLeases {
    let at = this.#lanes.get(lane);
    if (at === undefined) {
      at = {
        limit,
        leases: new Set(),
        asking: 0,
        waiters: [],
        excess: 0,
        queued: false,
        yielding: new Set(),
      };
      this.#lanes.set(lane, at);
    }
    at.limit = limit;
    return at;
  }
}

/** `0,0,2` as numbers. */
const counts = (text: unknown): number[] =>
  typeof text === 'string' && text !== '' ? text.split(',').map(Number) : [];
