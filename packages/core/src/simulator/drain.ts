/**
 * How long a queue takes to empty: the decisions that workers make (tokens, connections, suspensions), on virtual time.
 * One message is one step; where nothing changes any more, the pace that was reached is taken on for what remains.
 */
import { gcra } from '../gcra.ts';
import type { LaneLimits, RateLimit } from '../shaping.ts';
import { sharedRate } from '../shared-lane.ts';

/** What holds for a lane at one moment. */
export interface LaneTerms {
  readonly limits: LaneLimits;
  /** Nothing is sent until then, ms since the epoch; null: until somebody undoes it; undefined: it may send. */
  readonly suspendedUntil: number | null | undefined;
  /** When other terms hold, ms since the epoch; null: not by itself. */
  readonly changesAt: number | null;
}

/** One of the lanes that a queue empties through. */
export interface SimulatedLane {
  readonly termsAt: (now: number) => LaneTerms;
  /** How long a mail keeps its connection, ms. */
  readonly mailMs: number;
  /** From the decision to connect to the first mail, ms. */
  readonly connectMs: number;
}

export type Drained =
  /** `at`: when the last message is out, ms since the epoch. `sent`: by lane, in their order. */
  | { readonly kind: 'empty'; readonly at: number; readonly sent: readonly number[] }
  /** Every lane is suspended until somebody undoes it. */
  | { readonly kind: 'stuck'; readonly left: number };

/** Steps after which the pace is taken on. */
const watchedMessages = 20_000;

/** A connection that may take its next mail at `freeAt`, and so many before it is closed. */
interface Connection {
  freeAt: number;
  left: number;
}

/** A GCRA bucket on virtual time, as the workers share it. */
class VirtualBucket {
  #fullAtUs: number;

  constructor(now: number) {
    this.#fullAtUs = now * 1_000;
  }

  /** When a token can be had, ms, not before `at`. */
  next(rate: RateLimit | undefined, at: number): number {
    if (rate === undefined) return at;
    const { granted, waitUs } = gcra(this.#fullAtUs, at * 1_000, sharedRate(rate), 1);
    return granted > 0 ? at : at + waitUs / 1_000;
  }

  take(rate: RateLimit | undefined, at: number): void {
    if (rate !== undefined)
      this.#fullAtUs = gcra(this.#fullAtUs, at * 1_000, sharedRate(rate), 1, 1_000).fullAt;
  }

  shift(ms: number): void {
    this.#fullAtUs += ms * 1_000;
  }
}

class VirtualLane {
  readonly #lane: SimulatedLane;
  readonly #messages: VirtualBucket;
  readonly #openings: VirtualBucket;
  readonly #connections: Connection[] = [];
  terms: LaneTerms;
  sent = 0;

  constructor(lane: SimulatedLane, now: number) {
    this.#lane = lane;
    this.#messages = new VirtualBucket(now);
    this.#openings = new VirtualBucket(now);
    this.terms = lane.termsAt(now);
    this.#open(now);
  }

  /** When its next message can go, ms; undefined: not before somebody does something. Looks ahead over changes. */
  nextAt(now: number): number | undefined {
    let terms = this.terms;
    let at = now;
    for (;;) {
      const { changesAt, suspendedUntil } = terms;
      if (changesAt === null || changesAt > at) {
        const from = suspendedUntil === undefined ? at : (suspendedUntil ?? Number.POSITIVE_INFINITY);
        const possible =
          from === Number.POSITIVE_INFINITY ? from : this.#possible(terms.limits, Math.max(at, from));
        if (changesAt === null) return possible === Number.POSITIVE_INFINITY ? undefined : possible;
        if (possible < changesAt) return possible;
        at = changesAt;
      }
      terms = this.#lane.termsAt(at);
    }
  }

  /** The terms of this moment hold from now on. */
  settle(now: number): void {
    const { changesAt } = this.terms;
    if (changesAt === null || changesAt > now) return;
    this.terms = this.#lane.termsAt(now);
    this.#open(now);
  }

  #possible(limits: LaneLimits, at: number): number {
    return Math.max(this.#messages.next(limits.messages, at), this.#freest()?.freeAt ?? at);
  }

  #freest(): Connection | undefined {
    let best: Connection | undefined;
    for (const one of this.#connections) if (best === undefined || one.freeAt < best.freeAt) best = one;
    return best;
  }

  send(at: number): void {
    this.#messages.take(this.terms.limits.messages, at);
    const use = this.#freest();
    if (use === undefined) return;
    use.freeAt = Math.max(at, use.freeAt) + this.#lane.mailMs;
    use.left -= 1;
    if (use.left <= 0) Object.assign(use, this.#opened(use.freeAt));
    this.sent += 1;
  }

  /** While messages wait, as many connections are open as may be. */
  #open(now: number): void {
    const { connections } = this.terms.limits;
    if (this.#connections.length > connections) this.#connections.length = connections;
    while (this.#connections.length < connections) this.#connections.push(this.#opened(now));
  }

  /** A connection that is wanted at `at`: there as soon as the rate of new ones allows. */
  #opened(at: number): Connection {
    const { newConnections, deliveriesPerConnection } = this.terms.limits;
    const openAt = this.#openings.next(newConnections, at);
    this.#openings.take(newConnections, openAt);
    return { freeAt: openAt + this.#lane.connectMs, left: deliveriesPerConnection };
  }

  shift(ms: number): void {
    this.#messages.shift(ms);
    this.#openings.shift(ms);
    for (const one of this.#connections) one.freeAt += ms;
  }
}

/**
 * Empties a queue through its lanes; each message takes the lane that can send it first.
 * @param start ms since the epoch
 */
export const drain = (queue: number, lanes: readonly SimulatedLane[], start: number): Drained => {
  const virtual = lanes.map((lane) => new VirtualLane(lane, start));
  let now = start;
  let last = start;
  let left = queue;
  let watched = 0;
  let halfAt = start;
  let terms = '';
  while (left > 0) {
    let best: VirtualLane | undefined;
    let bestAt = Number.POSITIVE_INFINITY;
    for (const lane of virtual) {
      const at = lane.nextAt(now);
      if (at !== undefined && at < bestAt) {
        best = lane;
        bestAt = at;
      }
    }
    if (best === undefined) return { kind: 'stuck', left };
    now = Math.max(now, bestAt);
    for (const lane of virtual) lane.settle(now);
    best.send(now);
    left -= 1;
    last = Math.max(last, now);
    const changes = virtual.map((lane) => String(lane.terms.changesAt)).join();
    if (changes !== terms) {
      terms = changes;
      watched = 0;
    }
    watched += 1;
    if (watched === watchedMessages / 2) halfAt = now;
    if (watched < watchedMessages || left === 0) continue;
    // From here on it goes on as in the second half of what was watched, until something changes.
    const perMs = watchedMessages / 2 / Math.max(now - halfAt, 0.001);
    const changesAt = Math.min(...virtual.map((lane) => lane.terms.changesAt ?? Number.POSITIVE_INFINITY));
    const skipped = Math.floor(Math.min(left, Math.max(0, (changesAt - now) * perMs)));
    const ms = skipped / perMs;
    const share = virtual.map(({ sent }) => sent / (queue - left));
    virtual.forEach((lane, index) => {
      lane.shift(ms);
      lane.sent += skipped * (share[index] ?? 0);
    });
    now += ms;
    last = now;
    left -= skipped;
    for (const lane of virtual) lane.settle(now);
    watched = 0;
    halfAt = now;
  }
  const mailMs = Math.max(0, ...lanes.map((lane) => lane.mailMs));
  return { kind: 'empty', at: last + mailMs, sent: virtual.map(({ sent }) => Math.round(sent)) };
};
