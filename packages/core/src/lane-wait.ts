/** What a lane waits for: suspensions, tokens and connections looked at in the order in which workers need them. */
import { gcra } from './gcra.ts';
import type { LaneLimits, RateLimit } from './shaping.ts';
import { sharedRate } from './shared-lane.ts';

/** A lane as all of its workers have it together. */
export interface LaneFacts {
  readonly limits: LaneLimits;
  /** What holds all of it back; `until`: ms since the epoch, null: until it is undone. */
  readonly suspension: { readonly until: number | null } | undefined;
  /** Connections fail: until when no worker opens one, ms since the epoch; undefined: some worker may. */
  readonly heldUntil: number | undefined;
  /** Buckets of the messages and of the new connections: when they will be full, µs; undefined: at rest for long. */
  readonly messagesFullAt: number | undefined;
  readonly connectionsFullAt: number | undefined;
  /** Connections of all workers. */
  readonly connections: number;
}

export type LaneWait =
  | { readonly kind: 'suspended'; readonly until: number | null }
  /** Its connections failed one after the other: one connection probes at `nextAt`, ms since the epoch. */
  | { readonly kind: 'held'; readonly nextAt: number }
  /** The rate is used up: the next message may go at `nextAt`, ms since the epoch. */
  | { readonly kind: 'rate'; readonly nextAt: number }
  /** Every connection that it may have is open; a message goes as soon as one of them is done with the one before. */
  | { readonly kind: 'connections' }
  /** No connection is open, and the rate of new ones is used up. */
  | { readonly kind: 'connection_rate'; readonly nextAt: number }
  /** Nothing: a message may go now. */
  | { readonly kind: 'nothing' };

/** Tokens that a bucket has, and when the next one comes, ms since the epoch: at once where it has any. */
export interface TokenLevel {
  readonly tokens: number;
  readonly nextAt: number;
}

/** The level of a shared bucket. `fullAt`: µs since the epoch; undefined: it begins with one token. */
export const tokenLevel = (rate: RateLimit, fullAt: number | undefined, nowMs: number): TokenLevel => {
  const shared = sharedRate(rate);
  const nowUs = nowMs * 1_000;
  if (fullAt === undefined) return { tokens: 1, nextAt: nowMs };
  const { granted, waitUs } = gcra(fullAt, nowUs, shared, shared.burst);
  return granted > 0
    ? { tokens: granted, nextAt: nowMs }
    : { tokens: 0, nextAt: nowMs + Math.ceil(waitUs / 1_000) };
};

/** `now`: ms since the epoch, by the clock of the buckets. */
export const laneWait = (facts: LaneFacts, now: number): LaneWait => {
  const { limits, suspension, connections } = facts;
  if (suspension !== undefined) return { kind: 'suspended', until: suspension.until };
  if (connections === 0 && facts.heldUntil !== undefined && facts.heldUntil > now)
    return { kind: 'held', nextAt: facts.heldUntil };
  if (limits.messages !== undefined) {
    const { tokens, nextAt } = tokenLevel(limits.messages, facts.messagesFullAt, now);
    if (tokens === 0) return { kind: 'rate', nextAt };
  }
  if (connections >= limits.connections) return { kind: 'connections' };
  if (connections === 0 && limits.newConnections !== undefined) {
    const { tokens, nextAt } = tokenLevel(limits.newConnections, facts.connectionsFullAt, now);
    if (tokens === 0) return { kind: 'connection_rate', nextAt };
  }
  return { kind: 'nothing' };
};
