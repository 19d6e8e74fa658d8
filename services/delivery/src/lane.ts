/**
 * One lane at work: its messages by destination and deadline, its tokens (lane-tokens.ts), its sessions (lane-sessions.ts).
 *
 * The most urgent messages are prepared while the sessions are busy with those before them; one that is ready goes out on
 * the first session that takes it, as soon as there is a token.
 */
import { isDeepStrictEqual } from 'node:util';
import { connectionsBucket, type Isp, type LaneLimits, type LaneOf } from '@millrace/core';
import type { SendResult } from '@millrace/smtp';
import type { NoSessionError } from './connector.ts';
import type { Destination } from './destinations.ts';
import type { EgressSource } from './egress.ts';
import { type Job, memoryOf } from './job.ts';
import { LaneSessions, type SessionParts } from './lane-sessions.ts';
import { LaneTokens } from './lane-tokens.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Lease } from './redis/connection-leases.ts';
import { Route } from './route.ts';
import type { SessionUse } from './session-use.ts';

/** What a lane needs of its worker. */
export interface LaneParts extends SessionParts {
  readonly memory: MemoryBudget;
  /** Renders and signs; false: the message has ended another way. Never rejects. */
  readonly prepare: (job: Job) => Promise<boolean>;
  /** Its mail is not needed any more. */
  readonly release: (job: Job) => void;
  /** Whether the message may still be sent; where not, that has been seen to. */
  readonly mayBeSent: (job: Job) => boolean;
  /** What came of a try. True: not a try, it goes back into its queue. */
  readonly answered: (
    job: Job,
    lane: Lane,
    use: SessionUse,
    result: SendResult,
    durationMs: number,
  ) => boolean;
  /** No session could be opened for it. */
  readonly unreached: (job: Job, lane: Lane, failure: NoSessionError, durationMs: number) => void;
  /** Whether a message may still leave from this lane; where not, it has been put elsewhere. Cheap. */
  readonly mayLeave: (job: Job, lane: Lane) => boolean;
  /** This worker's CPU is what mails wait for. */
  readonly saturated: () => boolean;
  /** A token is asked for while the mail is being prepared. */
  readonly tokensAhead: boolean;
  /** Mails after which a session gives way to others that wait for its place. */
  readonly quantum: number;
}

/** Mails per session that are made ready before it asks for them. */
const aheadPerSession = 2;
export class Lane {
  readonly key: string;
  readonly of: LaneOf;
  readonly source: EgressSource;
  #limits: LaneLimits;
  readonly #parts: LaneParts;
  readonly #routes = new Map<string, Route>();
  readonly #tokens: LaneTokens;
  readonly #sessions: LaneSessions;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #stopped = false;
  /** Messages that were given to a session. */
  sent = 0;

  constructor(key: string, of: LaneOf, limits: LaneLimits, source: EgressSource, parts: LaneParts) {
    this.key = key;
    this.of = of;
    this.#limits = limits;
    this.source = source;
    this.#parts = parts;
    this.#tokens = new LaneTokens(key, limits.messages, {
      buckets: parts.buckets,
      now: parts.now,
      granted: () => {
        for (const route of this.#routes.values()) this.#offer(route);
      },
      waits: (until) => {
        this.#wakeAt(until);
        if (this.#tokens.farAway) this.unprepare();
      },
    });
    const sessionsOf = {
      of,
      source,
      limits: () => this.#limits,
      routes: this.#routes,
      asleep: () => this.#tokens.farAway,
      opening: (route: Route) => this.#prepareAhead(route),
      opened: (route: Route) => this.#advanceRoute(route),
      answered: this.#answered,
      ended: this.#again,
      withoutSession: (route: Route) => this.#unprepare(route),
      unreached: this.#unreached,
      wakeAt: (at: number) => this.#wakeAt(at),
    };
    this.#sessions = new LaneSessions(key, sessionsOf, parts);
  }

  get isp(): Isp {
    return this.of.isp;
  }

  get limits(): LaneLimits {
    return this.#limits;
  }

  /** Other limits hold from now on; sessions that are more than they allow end with the mail that is in them. */
  setLimits(limits: LaneLimits): void {
    const before = this.#limits;
    if (isDeepStrictEqual(limits, before)) return;
    this.#limits = limits;
    const { buckets, leases } = this.#parts;
    if (!isDeepStrictEqual(limits.messages, before.messages)) this.#tokens.setLimit(limits.messages);
    if (!isDeepStrictEqual(limits.newConnections, before.newConnections)) {
      buckets.limitChanged(connectionsBucket(this.key));
      this.#sessions.mayOpen();
    }
    if (limits.connections !== before.connections) leases.limitChanged(this.key, limits.connections);
    this.advance();
  }

  /** Messages that no session has yet. */
  get backlog(): number {
    let count = 0;
    for (const route of this.#routes.values()) count += route.backlog;
    return count;
  }

  /** Sessions that are open or being opened. */
  get sessions(): number {
    return this.#sessions.count;
  }

  /** Nothing is here and nothing is going on. */
  get deserted(): boolean {
    return this.#routes.size === 0 && this.#sessions.count === 0;
  }

  /**
   * Whether what waits here waits for the lane itself: for a token, for an answer, for one of its connections. False: for
   * a worker that has no place for one more session, or no CPU to prepare mails for those that are there.
   */
  get holdsBack(): boolean {
    if (this.throttled) return true;
    if (this.#parts.places.short && this.sessions < this.limits.connections) return false;
    for (const route of this.#routes.values()) {
      if (route.backlog > 0 && route.readyUse() !== undefined) return false;
    }
    return true;
  }

  /** It waits for tokens. */
  get throttled(): boolean {
    return this.#tokens.throttled;
  }

  /** ms spent waiting for tokens while messages waited. */
  get throttledMs(): number {
    return this.#tokens.throttledMs;
  }

  /** Its connections failed too often: until when none is opened, ms since the epoch; undefined: it is not held. */
  get heldUntil(): number | undefined {
    return this.#sessions.heldUntil;
  }

  /** Puts a message into its queue; `advance` then sets things in motion. */
  add(destination: Destination, job: Job): void {
    let route = this.#routes.get(destination.key);
    if (route === undefined) {
      route = new Route(destination);
      this.#routes.set(destination.key, route);
    }
    route.waiting.add(job.held.value.deadline, job);
  }

  /** Does everything that can be done now. */
  advance(): void {
    if (this.#stopped) return;
    for (const route of this.#routes.values()) this.#advanceRoute(route);
    this.#sessions.open();
  }
  readonly #again = (): void => this.advance();

  /** A lease may be had now. */
  leaseFree(): void {
    this.#sessions.mayOpen();
    this.#sessions.open();
  }

  /** The connection counts as another worker's now: it ends with the mail that is in it. */
  leaseLost(lease: Lease): void {
    this.#sessions.leaseLost(lease);
  }

  /** Ends sessions that nobody needs or others wait for, and forgets deserted routes. */
  tidy(): void {
    this.#sessions.tidy();
    for (const [key, route] of this.#routes)
      if (route.deserted && route.opensAt <= this.#parts.now()) this.#routes.delete(key);
    if (this.backlog === 0) this.#sessions.leaveLine();
  }

  /** Takes out the waiting messages that `test` picks. */
  remove(test: (job: Job) => boolean): Job[] {
    const removed: Job[] = [];
    for (const route of this.#routes.values()) {
      if (route.waiting.size === 0) continue;
      for (const job of route.waiting.drain()) {
        if (test(job)) removed.push(job);
        else route.waiting.add(job.held.value.deadline, job);
      }
    }
    return removed;
  }

  /** Puts what was made ready back among those that wait, where `remove` finds it. */
  unprepare(): void {
    for (const route of this.#routes.values()) this.#unprepare(route);
  }

  /** Takes the waiting messages out beyond the `keep` most urgent of each destination. */
  removeBeyond(keep: number): Job[] {
    const removed: Job[] = [];
    for (const route of this.#routes.values()) {
      if (route.waiting.size <= keep) continue;
      const kept: Job[] = [];
      while (kept.length < keep) {
        const job = route.waiting.take();
        if (job === undefined) break;
        kept.push(job);
      }
      removed.push(...route.waiting.drain());
      for (const job of kept) route.waiting.add(job.held.value.deadline, job);
    }
    return removed;
  }

  /** Begins nothing more, finishes what its sessions have, closes them. What waits stays unfinished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const route of this.#routes.values()) {
      route.waiting.drain();
      for (const job of route.prepared.splice(0)) this.#drop(job);
    }
    await this.#sessions.stop();
  }

  #advanceRoute(route: Route): void {
    this.#prepareAhead(route);
    this.#offer(route);
  }

  #prepareAhead(route: Route): void {
    if (this.#stopped || this.#tokens.farAway) return;
    const ahead = (route.uses.size + route.opening) * aheadPerSession;
    while (route.preparing + route.prepared.length < ahead) {
      const job = route.waiting.peek();
      if (job === undefined || !this.#parts.memory.take(memoryOf(job), this.#again)) return;
      route.waiting.take();
      if (!this.#parts.mayBeSent(job)) {
        this.#parts.memory.giveBack(memoryOf(job));
        continue;
      }
      route.preparing += 1;
      const preparing = this.#parts.prepare(job);
      if (this.#parts.tokensAhead) this.#tokens.foresee(() => route.readyUse() !== undefined);
      preparing.then((prepared) => {
        route.preparing -= 1;
        if (prepared && !this.#stopped) {
          route.prepared.push(job);
          this.#offer(route);
        } else this.#drop(job);
        this.#prepareAhead(route);
      });
    }
  }

  /** Ready mails to sessions that take them, with a token each. */
  #offer(route: Route): void {
    while (route.prepared.length > 0) {
      const use = route.readyUse(this.#parts.saturated());
      if (use === undefined) return;
      if (!this.#tokens.available) {
        if (!this.#stopped) this.#tokens.take(this.#goingOut);
        return;
      }
      const job = route.prepared.shift();
      if (job === undefined) return;
      if (!this.#parts.mayBeSent(job) || !this.#parts.mayLeave(job, this)) {
        this.#drop(job);
        continue;
      }
      this.#tokens.spend();
      this.sent += 1;
      use.send(job);
    }
  }

  readonly #answered = (use: SessionUse, job: Job, result: SendResult, durationMs: number): void => {
    const { route } = use;
    if (this.#parts.answered(job, this, use, result, durationMs)) {
      route.waiting.add(job.held.value.deadline, job);
    }
    this.#drop(job);
    if (this.#stopped) {
      use.end();
      return;
    }
    this.#sessions.hadTurn(use, this.#parts.quantum);
    this.#advanceRoute(route);
    if (use.spent && route.waiting.size > 0) this.#sessions.open();
  };

  /** Mails that a session would take this moment. */
  readonly #goingOut = (): number => {
    let count = 0;
    for (const route of this.#routes.values())
      if (route.prepared.length > 0 && route.readyUse() !== undefined) count += route.prepared.length;
    return count;
  };

  readonly #unreached = (route: Route, failure: NoSessionError, durationMs: number): void => {
    // A server that answers wants less of us: one message counts the try. Where none answers, all would have met that.
    const answered = failure.failure?.reply !== undefined;
    const failed = answered ? [route.waiting.take()] : route.waiting.drain();
    for (const job of failed) {
      if (job !== undefined && this.#parts.mayBeSent(job))
        this.#parts.unreached(job, this, failure, durationMs);
    }
  };

  /** Nothing leads there any more: what was made ready goes back. */
  #unprepare(route: Route): void {
    for (const job of route.prepared.splice(0)) {
      this.#drop(job);
      route.waiting.add(job.held.value.deadline, job);
    }
  }

  #drop(job: Job): void {
    this.#parts.memory.giveBack(memoryOf(job));
    this.#parts.release(job);
  }

  #wakeAt(at: number): void {
    if (at >= this.#timerAt || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.advance();
      },
      Math.max(1, at - this.#parts.now()),
    );
  }
}
