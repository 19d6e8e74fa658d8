/** Counts of the hot path: plain numbers, read by the metrics when they are collected. */
import { type Isp, isps, type Stream, streams } from '@millrace/core';
import type { Outcome } from './routed-message.ts';

export type OutcomeKind = Outcome['kind'] | 'rejected';

const kinds: readonly OutcomeKind[] = [
  'accepted',
  'routed',
  'suppressed',
  'expired',
  'bounced',
  'deferred',
  'rejected',
];

export class RoutingTally {
  /** Requests completed. */
  requests = 0;
  readonly #routed = new Map<Stream, Map<Isp, number>>(streams.map((stream) => [stream, new Map()]));
  readonly #outcomes = new Map<Stream, Map<OutcomeKind, number>>(
    streams.map((stream) => [stream, new Map()]),
  );

  routed(stream: Stream, isp: Isp): void {
    const counts = this.#routed.get(stream);
    counts?.set(isp, (counts.get(isp) ?? 0) + 1);
  }

  outcome(stream: Stream, kind: OutcomeKind): void {
    const counts = this.#outcomes.get(stream);
    counts?.set(kind, (counts.get(kind) ?? 0) + 1);
  }

  /** Messages routed since start, by stream and provider; those that had any. */
  routedCounts(): readonly { readonly stream: Stream; readonly isp: Isp; readonly count: number }[] {
    return streams.flatMap((stream) =>
      isps.flatMap((isp) => {
        const count = this.#routed.get(stream)?.get(isp) ?? 0;
        return count === 0 ? [] : [{ stream, isp, count }];
      }),
    );
  }

  /** Outcomes since start, by stream and kind; those that occurred. */
  outcomeCounts(): readonly {
    readonly stream: Stream;
    readonly kind: OutcomeKind;
    readonly count: number;
  }[] {
    return streams.flatMap((stream) =>
      kinds.flatMap((kind) => {
        const count = this.#outcomes.get(stream)?.get(kind) ?? 0;
        return count === 0 ? [] : [{ stream, kind, count }];
      }),
    );
  }
}
