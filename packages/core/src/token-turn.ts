/**
 * Workers take turns at a shared bucket: each answer says when it is worth asking again, one worker after the other, so
 * that they neither all come for the same token nor have to hold tokens for later. The Redis script of the delivery service
 * does the same sums.
 */
import { type GcraGrant, type GcraLimit, gcra } from './gcra.ts';

export interface SharedBucket {
  /** When it will be full, µs. */
  readonly fullAt: number;
  /** When the last of those who wait was told to come again, µs. */
  readonly turnAt: number;
}

export interface TurnRequest {
  /** Tokens that could be used at once. */
  readonly want: number;
  /** Tokens that are worth a further call. */
  readonly enough: number;
  /** Tokens that become free within this are granted too, each to be used at its time, µs: about what an answer takes. */
  readonly aheadUs: number;
}

export interface TurnGrant extends GcraGrant {
  readonly turnAt: number;
  /** Until it is worth asking again, µs. */
  readonly againUs: number;
}

/** Takes what is there. Whoever does not come when it was told to loses nobody a token: the bucket keeps it. */
export const takeTurn = (
  { fullAt, turnAt }: SharedBucket,
  nowUs: number,
  limit: GcraLimit,
  { want, enough, aheadUs }: TurnRequest,
): TurnGrant => {
  const { intervalUs, burst } = limit;
  const grant = gcra(fullAt, nowUs, limit, want, aheadUs);
  const owedUs = Math.max(grant.fullAt - nowUs, 0);
  const freeUs = owedUs + (enough - burst) * intervalUs - aheadUs;
  if (freeUs <= 0) return { ...grant, turnAt, againUs: 0 };
  const turnUs = turnAt - nowUs + enough * intervalUs;
  // What the bucket can keep is what a turn may be late by: whoever would come later begins a new round.
  const isWithin = turnUs > freeUs && turnUs <= freeUs + (burst - 1) * intervalUs;
  const againUs = isWithin ? turnUs : freeUs;
  return { ...grant, turnAt: nowUs + againUs, againUs };
};
