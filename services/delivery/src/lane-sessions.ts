/**
 * The sessions of one lane: opened while messages wait for one and leases, places and rates allow it; ended when others
 * wait for their place.
 */
import {
  afterFailure,
  connectionsBucket,
  connectionsUnder,
  type LaneLimits,
  type LaneOf,
  notHeld,
} from '@millrace/core';
import type { SendResult } from '@millrace/smtp';
import type { ConnectionPlaces, PlaceSeeker } from './connection-places.ts';
import { NoSessionError } from './connector.ts';
import type { Destination } from './destinations.ts';
import type { EgressSource } from './egress.ts';
import type { Job } from './job.ts';
import { longestReadyMs } from './lane-tokens.ts';
import type { ConnectionLeases, Lease } from './redis/connection-leases.ts';
import type { TokenBuckets } from './redis/token-buckets.ts';
import type { Route } from './route.ts';
import type { Session } from './session.ts';
import { SessionUse } from './session-use.ts';

/** What sessions need of their worker. */
export interface SessionParts {
  readonly buckets: TokenBuckets;
  readonly leases: ConnectionLeases;
  readonly places: ConnectionPlaces;
  /** Opens a session. Throws NoSessionError. */
  readonly open: (destination: Destination, source: EgressSource, limits: LaneLimits) => Promise<Session>;
  /** Never rejects. */
  readonly send: (job: Job, session: Session) => Promise<SendResult>;
  /** Waiting messages for which one more session is opened. */
  readonly messagesPerSession: number;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** What sessions need of their lane. */
export interface SessionsOfLane {
  readonly of: LaneOf;
  readonly source: EgressSource;
  readonly limits: () => LaneLimits;
  readonly routes: ReadonlyMap<string, Route>;
  /** Nothing is to be sent for so long that a session would be of no use. */
  readonly asleep: () => boolean;
  /** A session is being opened: mails for it may be made ready. */
  readonly opening: (route: Route) => void;
  /** One is open. */
  readonly opened: (route: Route) => void;
  readonly answered: (use: SessionUse, job: Job, result: SendResult, durationMs: number) => void;
  /** One has ended, and its lease is free. */
  readonly ended: () => void;
  /** None may be opened for so long, ms, and none is there: what was made ready is to wait elsewhere. */
  readonly withoutSession: (route: Route) => void;
  /** The destination does not answer, or wants nothing of us. */
  readonly unreached: (route: Route, failure: NoSessionError, durationMs: number) => void;
  /** `open` is to be called then, ms since the epoch. */
  readonly wakeAt: (at: number) => void;
}

/** A session is opened within this, s: mostly. */
const openingSeconds = 1;
/** From our end of a connection to the server's, ms. */
const closedAfterMs = 25;

const isLease = (answer: Lease | { readonly waitMs: number }): answer is Lease => !('waitMs' in answer);

export class LaneSessions implements PlaceSeeker {
  readonly #key: string;
  readonly #lane: SessionsOfLane;
  readonly #parts: SessionParts;
  #count = 0;
  #opensAt = 0;
  #hold = notHeld;
  /** Waits in line for a lease. */
  #inLine = false;
  #stopped = false;
  readonly #endWaiters: (() => void)[] = [];

  constructor(key: string, lane: SessionsOfLane, parts: SessionParts) {
    this.#key = key;
    this.#lane = lane;
    this.#parts = parts;
  }

  /** Open, or being opened. */
  get count(): number {
    return this.#count;
  }

  /** Connections failed too often: until when none is opened, ms since the epoch; undefined: they are not held. */
  get heldUntil(): number | undefined {
    return this.#hold.waitMs === 0 ? undefined : this.#hold.until;
  }

  /** PlaceSeeker. */
  get urgency(): number | undefined {
    return this.#neediest(this.#parts.now())?.urgency;
  }

  /** PlaceSeeker. */
  placeFree(): void {
    this.open();
  }

  /** A lease, or a connection by the rate of new ones, may be had now. */
  mayOpen(): void {
    this.#opensAt = 0;
  }

  /** The connection counts as another worker's now: it ends with the mail that is in it. */
  leaseLost(lease: Lease): void {
    for (const route of this.#lane.routes.values()) {
      for (const use of route.uses) if (use.lease === lease) use.end();
    }
  }

  /** Nothing waits for a lease any more. */
  leaveLine(): void {
    if (!this.#inLine) return;
    this.#inLine = false;
    this.#parts.leases.leave(this.#key);
  }

  /** Ends those that nobody needs, or others wait for. */
  tidy(): void {
    const now = performance.now();
    for (const route of this.#lane.routes.values()) {
      for (const use of route.uses) {
        if (use.inFlight > 0 || route.prepared.length > 0) continue;
        const idleMs = now - use.idleSince;
        if (this.#isWanted(use) || idleMs > this.#lane.limits().idleMs) use.end();
      }
    }
  }

  /** Ends one that has had its turn, where others wait or there are more than may be. */
  hadTurn(use: SessionUse, quantum: number): void {
    const tooMany = this.#count > this.#lane.limits().connections;
    if ((tooMany || use.deliveries >= quantum) && this.#isWanted(use)) use.end();
  }

  /** Ends all when the mails that are in them have their answers. Resolves then. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.places.forget(this);
    for (const route of this.#lane.routes.values()) for (const use of route.uses) use.end();
    if (this.#count > 0) await new Promise<void>((resolve) => this.#endWaiters.push(resolve));
  }

  /** Opens as many as are of use now and may be. */
  open(): void {
    // Without tokens there is nothing to send on one more session.
    if (this.#stopped || this.#lane.asleep()) return;
    const now = this.#parts.now();
    const most = connectionsUnder(this.#hold, this.#lane.limits().connections, now);
    if (most === 0) this.#lane.wakeAt(this.#hold.until);
    while (this.#count < most) {
      const route = this.#neediest(now);
      if (route === undefined) return;
      if (now < this.#opensAt) {
        this.#lane.wakeAt(this.#opensAt);
        return;
      }
      if (!this.#parts.places.take(this)) return;
      this.#open(route);
    }
  }

  /** Another worker, lane or destination waits for what it has. */
  #isWanted(use: SessionUse): boolean {
    return (
      this.#parts.places.short ||
      this.#parts.leases.shouldYield(use.lease) ||
      this.#someStarveBeside(use.route)
    );
  }

  /** Another destination waits without a session while all of the lane's connections are taken. */
  #someStarveBeside(route: Route): boolean {
    const { routes, limits } = this.#lane;
    if (routes.size === 1 || this.#count < limits().connections) return false;
    for (const other of routes.values()) {
      if (other !== route && other.backlog > 0 && other.uses.size + other.opening === 0) return true;
    }
    return false;
  }

  /** Where one more session would be of use, and most urgently. */
  #neediest(now: number): Route | undefined {
    let best: Route | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const route of this.#lane.routes.values()) {
      if (route.backlog <= route.opening * this.#parts.messagesPerSession) continue;
      if (route.idleUses > 0 && !this.#runsOut(route)) continue;
      if (route.opensAt > now) {
        this.#lane.wakeAt(route.opensAt);
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
    const { messages, deliveriesPerConnection } = this.#lane.limits();
    if (messages === undefined) return false;
    let left = route.opening * deliveriesPerConnection;
    for (const use of route.uses) if (!use.spent) left += deliveriesPerConnection - use.deliveries;
    return left < Math.min(route.backlog, messages.perSecond * openingSeconds);
  }

  #open(route: Route): void {
    this.#count += 1;
    route.opening += 1;
    const begun = performance.now();
    this.#lane.opening(route);
    this.#session(route).then(
      () => {
        route.opening -= 1;
        this.#lane.opened(route);
        this.open();
      },
      (error: unknown) => {
        route.opening -= 1;
        this.#over();
        this.#notOpened(route, error, performance.now() - begun);
      },
    );
  }

  #over(): void {
    this.#count -= 1;
    this.#parts.places.giveBack();
    if (this.#stopped && this.#count === 0) for (const done of this.#endWaiters.splice(0)) done();
  }

  async #session(route: Route): Promise<void> {
    const { newConnections, connections, deliveriesPerConnection } = this.#lane.limits();
    const { leases, buckets, now, send, open } = this.#parts;
    const lease = await leases.acquire(this.#key, connections, route.urgency ?? now());
    this.#inLine = !isLease(lease);
    if (!isLease(lease)) throw new LaneBusyError(lease.waitMs);
    try {
      if (newConnections !== undefined) {
        const { granted, waitMs } = await buckets.take(connectionsBucket(this.#key), newConnections, 1);
        if (granted === 0) throw new LaneBusyError(waitMs);
      }
      const session = await open(route.destination, this.#lane.source, this.#lane.limits());
      route.opened();
      this.#hold = notHeld;
      const use = new SessionUse({
        session,
        route,
        lease,
        maxDeliveries: deliveriesPerConnection,
        send,
        answered: this.#lane.answered,
        ended: (of) => {
          route.uses.delete(of);
          // The server counts the connection until it has seen its end.
          setTimeout(() => {
            leases.release(lease);
            this.#over();
            this.#lane.ended();
          }, closedAfterMs);
        },
      });
      route.uses.add(use);
      if (this.#stopped) use.end();
    } catch (error) {
      leases.release(lease);
      throw error;
    }
  }

  #notOpened(route: Route, error: unknown, durationMs: number): void {
    const now = this.#parts.now();
    if (error instanceof LaneBusyError) {
      this.#opensAt = now + Math.max(5, error.waitMs);
      if (route.backlog > 0) this.#lane.wakeAt(this.#opensAt);
      if (error.waitMs > longestReadyMs && route.opening + route.uses.size === 0)
        this.#lane.withoutSession(route);
      return;
    }
    if (this.#stopped) return;
    const failure =
      error instanceof NoSessionError
        ? error
        : new NoSessionError(String(error), { host: null, remoteAddress: null });
    this.#countFailure(failure, now);
    route.failed(now, this.#parts.random());
    this.#lane.wakeAt(route.opensAt);
    // While others lead there the destination is not down, it only wants no more of them.
    if (route.uses.size > 0 || route.opening > 0) return;
    this.#lane.withoutSession(route);
    this.#lane.unreached(route, failure, durationMs);
  }

  /** Where nothing was connected to the domain is wrong, not the way there; while others lead there it is not down. */
  #countFailure({ failure }: NoSessionError, now: number): void {
    if (failure === undefined) return;
    for (const { uses } of this.#lane.routes.values()) if (uses.size > 0) return;
    // Our own proxy fails for everybody behind it, so that one failure is enough for the pool's other sources to take over.
    const most = failure.code === 'ERR_SMTP_PROXY' ? 1 : this.#lane.limits().failuresBeforeHold;
    this.#hold = afterFailure(this.#hold, this.#lane.of.stream, most, now);
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
