/**
 * One lane at work: tokens for its rate, leases for its connections, its messages by destination and deadline.
 *
 * The most urgent messages are prepared while the sessions are busy with those before them; one that is ready goes out on
 * the first session that takes it, as soon as there is a token. Sessions are opened while messages wait for one and the
 * limits allow it.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  afterFailure,
  connectionsBucket,
  connectionsUnder,
  type Isp,
  type LaneLimits,
  type LaneOf,
  notHeld,
} from '@millrace/core';
import type { SendResult } from '@millrace/smtp';
import type { ConnectionPlaces, PlaceSeeker } from './connection-places.ts';
import { NoSessionError } from './connector.ts';
import type { Destination } from './destinations.ts';
import type { EgressSource } from './egress.ts';
import { type Job, memoryOf } from './job.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { ConnectionLeases, Lease } from './redis/connection-leases.ts';
import type { TokenBuckets } from './redis/token-buckets.ts';
import { Route } from './route.ts';
import type { Session } from './session.ts';
import { SessionUse } from './session-use.ts';

/** What a lane needs of its worker. */
export interface LaneParts {
  readonly buckets: TokenBuckets;
  readonly leases: ConnectionLeases;
  readonly places: ConnectionPlaces;
  readonly memory: MemoryBudget;
  /** Opens a session. Throws NoSessionError. */
  readonly open: (destination: Destination, source: EgressSource, limits: LaneLimits) => Promise<Session>;
  /** Renders and signs; false: the message has ended another way. Never rejects. */
  readonly prepare: (job: Job) => Promise<boolean>;
  /** Its mail is not needed any more. */
  readonly release: (job: Job) => void;
  /** Whether the message may still be sent; where not, that has been seen to. */
  readonly mayBeSent: (job: Job) => boolean;
  /** Never rejects. */
  readonly send: (job: Job, session: Session) => Promise<SendResult>;
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
  readonly random: () => number;
  /** Whether a message may still leave from this lane; where not, it has been put elsewhere. Cheap. */
  readonly mayLeave: (job: Job, lane: Lane) => boolean;
  readonly now: () => number;
  /** This worker's CPU is what mails wait for. */
  readonly saturated: () => boolean;
  /** Waiting messages for which one more session is opened. */
  readonly messagesPerSession: number;
  /** A token is asked for while the mail is being prepared. */
  readonly tokensAhead: boolean;
  /** Mails after which a session gives way to others that wait for its place. */
  readonly quantum: number;
}

/** Mails per session that are made ready before it asks for them. */
const aheadPerSession = 2;
/** A mail stays rendered for so long at most while it cannot be sent, ms. */
const longestReadyMs = 1_000;

/** A session is opened within this, s: mostly. */
const openingSeconds = 1;

/** From our end of a connection to the server's, ms. */
const closedAfterMs = 25;

const isLease = (answer: Lease | { readonly waitMs: number }): answer is Lease => !('waitMs' in answer);

export class Lane implements PlaceSeeker {
  readonly key: string;
  readonly of: LaneOf;
  readonly source: EgressSource;
  #limits: LaneLimits;
  readonly #parts: LaneParts;
  readonly #routes = new Map<string, Route>();
  #sessions = 0;
  #tokens = 0;
  #takingTokens = false;
  #tokensAt = 0;
  #opensAt = 0;
  #hold = notHeld;
  /** Waits in line for a lease. */
  #inLine = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #stopped = false;
  /** Messages that were given to a session. */
  sent = 0;
  /** ms spent waiting for tokens while messages waited. */
  throttledMs = 0;

  constructor(key: string, of: LaneOf, limits: LaneLimits, source: EgressSource, parts: LaneParts) {
    this.key = key;
    this.of = of;
    this.#limits = limits;
    this.source = source;
    this.#parts = parts;
    if (limits.messages === undefined) this.#tokens = Number.POSITIVE_INFINITY;
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
    if (!isDeepStrictEqual(limits.messages, before.messages)) {
      buckets.limitChanged(this.key);
      this.#tokens = limits.messages === undefined ? Number.POSITIVE_INFINITY : 0;
      this.#tokensAt = 0;
    }
    if (!isDeepStrictEqual(limits.newConnections, before.newConnections)) {
      buckets.limitChanged(connectionsBucket(this.key));
      this.#opensAt = 0;
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
    return this.#sessions;
  }

  /** Nothing is here and nothing is going on. */
  get deserted(): boolean {
    return this.#routes.size === 0 && this.#sessions === 0;
  }

  /**
   * Whether what waits here waits for the lane itself: for a token, for an answer, for one of its connections. False: for
   * a worker that has no place for one more session, or no CPU to prepare mails for those that are there.
   */
  get holdsBack(): boolean {
    if (this.throttled) return true;
    if (this.#parts.places.short && this.#sessions < this.limits.connections) return false;
    for (const route of this.#routes.values()) {
      if (route.backlog > 0 && route.readyUse() !== undefined) return false;
    }
    return true;
  }

  /** It waits for tokens. */
  get throttled(): boolean {
    return this.#tokensAt > 0 && this.#parts.now() < this.#tokensAt;
  }

  /** Its connections failed too often: until when none is opened, ms since the epoch; undefined: it is not held. */
  get heldUntil(): number | undefined {
    return this.#hold.waitMs === 0 ? undefined : this.#hold.until;
  }

  /** It waits so long that nothing is worth being made ready. */
  get #asleep(): boolean {
    return this.#tokensAt > 0 && this.#tokensAt - this.#parts.now() > longestReadyMs;
  }

  get urgency(): number | undefined {
    return this.#neediest(this.#parts.now())?.urgency;
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
    this.#openSessions();
  }
  readonly #again = (): void => this.advance();

  placeFree(): void {
    this.#openSessions();
  }

  /** A lease may be had now. */
  leaseFree(): void {
    this.#opensAt = 0;
    this.#openSessions();
  }

  /** The connection counts as another worker's now: it ends with the mail that is in it. */
  leaseLost(lease: Lease): void {
    for (const route of this.#routes.values()) {
      for (const use of route.uses) if (use.lease === lease) use.end();
    }
  }

  /** Ends sessions that nobody needs or others wait for, and forgets deserted routes. */
  tidy(): void {
    const now = performance.now();
    for (const [key, route] of this.#routes) {
      for (const use of route.uses) {
        if (use.inFlight > 0 || route.prepared.length > 0) continue;
        const idleMs = now - use.idleSince;
        const wanted = this.#parts.places.short || this.#parts.leases.shouldYield(use.lease);
        if (wanted || idleMs > this.limits.idleMs || this.#starving(route)) use.end();
      }
      if (route.deserted && route.opensAt <= this.#parts.now()) this.#routes.delete(key);
    }
    if (this.#inLine && this.backlog === 0) {
      this.#inLine = false;
      this.#parts.leases.leave(this.key);
    }
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
    this.#parts.places.forget(this);
    for (const route of this.#routes.values()) {
      route.waiting.drain();
      for (const job of route.prepared.splice(0)) this.#drop(job);
      for (const use of route.uses) use.end();
    }
    if (this.#sessions > 0) await new Promise<void>((resolve) => this.#stoppedWaiters.push(resolve));
  }
  readonly #stoppedWaiters: (() => void)[] = [];

  #advanceRoute(route: Route): void {
    this.#prepareAhead(route);
    this.#offer(route);
  }

  #prepareAhead(route: Route): void {
    if (this.#stopped || this.#asleep) return;
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
      if (this.#parts.tokensAhead) this.#foresee(route);
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
      if (this.#tokens < 1) {
        this.#takeTokens();
        return;
      }
      const job = route.prepared.shift();
      if (job === undefined) return;
      if (!this.#parts.mayBeSent(job)) {
        this.#drop(job);
        continue;
      }
      if (!this.#parts.mayLeave(job, this)) {
        this.#drop(job);
        continue;
      }
      this.#tokens -= 1;
      this.sent += 1;
      use.send(job);
    }
  }

  #answered(use: SessionUse, job: Job, result: SendResult, durationMs: number): void {
    const { route } = use;
    if (this.#parts.answered(job, this, use, result, durationMs)) {
      route.waiting.add(job.held.value.deadline, job);
    }
    this.#drop(job);
    if (this.#stopped) {
      use.end();
      return;
    }
    const tooMany = this.#sessions > this.limits.connections;
    if ((tooMany || use.deliveries >= this.#parts.quantum) && this.#givesWay(use)) use.end();
    this.#advanceRoute(route);
    if (use.spent && route.waiting.size > 0) this.#openSessions();
  }

  #givesWay(use: SessionUse): boolean {
    return this.#parts.places.short || this.#parts.leases.shouldYield(use.lease) || this.#starving(use.route);
  }

  /** Another destination waits without a session while all of the lane's connections are taken. */
  #starving(route: Route): boolean {
    if (this.#routes.size === 1 || this.#sessions < this.limits.connections) return false;
    for (const other of this.#routes.values()) {
      if (other !== route && other.backlog > 0 && other.uses.size + other.opening === 0) return true;
    }
    return false;
  }

  /** Tokens for the mails that could go out this moment; what a session that went away leaves over is given back. */
  #takeTokens(): void {
    const { messages } = this.limits;
    if (this.#takingTokens || this.#stopped || messages === undefined) return;
    if (this.throttled) {
      // A timer may be early by a fraction of a ms.
      this.#wakeAt(this.#tokensAt);
      return;
    }
    let want = 0;
    for (const route of this.#routes.values()) {
      if (route.prepared.length > 0 && route.readyUse() !== undefined) want += route.prepared.length;
    }
    if (want < 1) return;
    this.#takingTokens = true;
    const { buckets } = this.#parts;
    buckets.take(this.key, messages, want).then(({ granted, waitMs }) => {
      this.#takingTokens = false;
      if (this.limits.messages !== messages) {
        // Granted, or refused, under limits that are no longer in force.
        for (const route of this.#routes.values()) this.#offer(route);
        return;
      }
      if (granted === 0) {
        this.#throttle(waitMs);
        return;
      }
      this.#tokens += granted;
      for (const route of this.#routes.values()) this.#offer(route);
      buckets.giveBack(this.key, this.#tokens);
      this.#tokens = 0;
      this.#takeTokens();
    });
  }

  /** What is about to be ready will want a token: it is asked for together with what the journal is asked. */
  #foresee(route: Route): void {
    const { messages } = this.limits;
    if (messages === undefined || this.#takingTokens || this.throttled) return;
    if (route.readyUse() !== undefined) this.#parts.buckets.foresee(this.key, messages);
  }

  #throttle(waitMs: number): void {
    const ms = Math.max(1, waitMs);
    this.throttledMs += ms;
    this.#tokensAt = this.#parts.now() + ms;
    this.#wakeAt(this.#tokensAt);
    if (ms > longestReadyMs) for (const route of this.#routes.values()) this.#unprepare(route);
  }

  #openSessions(): void {
    // Without tokens there is nothing to send on one more session.
    if (this.#stopped || this.#asleep) return;
    const now = this.#parts.now();
    const most = connectionsUnder(this.#hold, this.limits.connections, now);
    if (most === 0) this.#wakeAt(this.#hold.until);
    while (this.#sessions < most) {
      const route = this.#neediest(now);
      if (route === undefined) return;
      if (now < this.#opensAt) {
        this.#wakeAt(this.#opensAt);
        return;
      }
      if (!this.#parts.places.take(this)) return;
      this.#open(route);
    }
  }

  /** Where one more session would be of use, and most urgently. */
  #neediest(now: number): Route | undefined {
    let best: Route | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const route of this.#routes.values()) {
      if (route.backlog <= route.opening * this.#parts.messagesPerSession) continue;
      if (route.idleUses > 0 && !this.#runsOut(route)) continue;
      if (route.opensAt > now) {
        this.#wakeAt(route.opensAt);
        continue;
      }
      const urgency = route.urgency ?? 0;
      if (urgency < earliest) {
        best = route;
        earliest = urgency;
      }
    }
    return best;
  }

  /**
   * Whether what the route's sessions may still take will be gone before another one is open: where a rate holds the lane
   * back one of them is always idle.
   */
  #runsOut(route: Route): boolean {
    const { messages, deliveriesPerConnection } = this.limits;
    if (messages === undefined) return false;
    let left = route.opening * deliveriesPerConnection;
    for (const use of route.uses) if (!use.spent) left += deliveriesPerConnection - use.deliveries;
    return left < Math.min(route.backlog, messages.perSecond * openingSeconds);
  }

  #open(route: Route): void {
    this.#sessions += 1;
    route.opening += 1;
    const begun = performance.now();
    const over = (): void => {
      this.#sessions -= 1;
      this.#parts.places.giveBack();
      if (this.#stopped && this.#sessions === 0) for (const done of this.#stoppedWaiters.splice(0)) done();
    };
    this.#prepareAhead(route);
    this.#session(route, over).then(
      () => {
        route.opening -= 1;
        this.#advanceRoute(route);
        this.#openSessions();
      },
      (error: unknown) => {
        route.opening -= 1;
        over();
        this.#notOpened(route, error, performance.now() - begun);
      },
    );
  }

  async #session(route: Route, over: () => void): Promise<void> {
    const { newConnections, connections, deliveriesPerConnection } = this.limits;
    const deadline = route.urgency ?? this.#parts.now();
    const lease = await this.#parts.leases.acquire(this.key, connections, deadline);
    this.#inLine = !isLease(lease);
    if (!isLease(lease)) throw new LaneBusyError(lease.waitMs);
    try {
      if (newConnections !== undefined) {
        const { granted, waitMs } = await this.#parts.buckets.take(
          connectionsBucket(this.key),
          newConnections,
          1,
        );
        if (granted === 0) throw new LaneBusyError(waitMs);
      }
      const session = await this.#parts.open(route.destination, this.source, this.limits);
      route.opened();
      this.#hold = notHeld;
      const use = new SessionUse({
        session,
        route,
        lease,
        maxDeliveries: deliveriesPerConnection,
        send: this.#parts.send,
        answered: (of, job, result, durationMs) => this.#answered(of, job, result, durationMs),
        ended: (of) => {
          route.uses.delete(of);
          // The server counts the connection until it has seen its end.
          setTimeout(() => {
            this.#parts.leases.release(lease);
            over();
            this.advance();
          }, closedAfterMs);
        },
      });
      route.uses.add(use);
      if (this.#stopped) use.end();
    } catch (error) {
      this.#parts.leases.release(lease);
      throw error;
    }
  }

  #notOpened(route: Route, error: unknown, durationMs: number): void {
    const now = this.#parts.now();
    if (error instanceof LaneBusyError) {
      this.#opensAt = now + Math.max(5, error.waitMs);
      if (route.backlog > 0) this.#wakeAt(this.#opensAt);
      // What is ready keeps its memory for a moment, not for a minute.
      if (error.waitMs > longestReadyMs && route.opening + route.uses.size === 0) this.#unprepare(route);
      return;
    }
    if (this.#stopped) return;
    const failure =
      error instanceof NoSessionError
        ? error
        : new NoSessionError(String(error), { host: null, remoteAddress: null });
    this.#countFailure(failure, now);
    route.failed(now, this.#parts.random());
    this.#wakeAt(route.opensAt);
    // While others lead there the destination is not down, it only wants no more of them.
    if (route.uses.size > 0 || route.opening > 0) return;
    this.#unprepare(route);
    // A server that answers wants less of us: one message counts the try. Where none answers, all would have met that.
    const answered = failure.failure?.reply !== undefined;
    const failed = answered ? [route.waiting.take()] : route.waiting.drain();
    for (const job of failed) {
      if (job !== undefined && this.#parts.mayBeSent(job))
        this.#parts.unreached(job, this, failure, durationMs);
    }
  }

  /** Where nothing was connected to the domain is wrong, not the way there; while others lead there it is not down. */
  #countFailure({ failure }: NoSessionError, now: number): void {
    if (failure === undefined) return;
    for (const { uses } of this.#routes.values()) if (uses.size > 0) return;
    // Our own proxy fails for everybody behind it, so that one failure is enough for the pool's other sources to take over.
    const most = failure.code === 'ERR_SMTP_PROXY' ? 1 : this.limits.failuresBeforeHold;
    this.#hold = afterFailure(this.#hold, this.of.stream, most, now);
  }

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

/** No connection may be opened now: not an error of the destination. */
class LaneBusyError extends Error {
  override readonly name = 'LaneBusyError';
  readonly waitMs: number;

  constructor(waitMs: number) {
    super(`The lane has no connection to give for ${waitMs} ms.`);
    this.waitMs = waitMs;
  }
}
