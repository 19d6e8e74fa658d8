/** Counts of the hot path: plain numbers, read by the metrics when they are collected. */
import type { Outcome } from './delivery-event.ts';

/** `postponed`: handed to a delay tier without a try; `repeated`: done before, its event told again. */
export type Counted = Outcome['kind'] | 'postponed' | 'repeated';

export interface OutcomeCount {
  readonly isp: string;
  readonly kind: Counted;
  /** Category of a deferral or bounce; '' for others. */
  readonly category: string;
  readonly count: number;
}

interface Cell {
  readonly isp: string;
  readonly kind: Counted;
  readonly category: string;
  count: number;
}

export class DeliveryTally {
  /** Mails given to a session. */
  attempts = 0;
  sessions = 0;
  sessionFailures = 0;
  /** Journal writes that failed: Redis was away. */
  unjournaled = 0;
  readonly #cells = new Map<string, Map<string, Cell>>();

  count(isp: string, kind: Counted, category: string): void {
    let ofIsp = this.#cells.get(isp);
    if (ofIsp === undefined) {
      ofIsp = new Map();
      this.#cells.set(isp, ofIsp);
    }
    const key = category === '' ? kind : `${kind}/${category}`;
    const cell = ofIsp.get(key);
    if (cell === undefined) ofIsp.set(key, { isp, kind, category, count: 1 });
    else cell.count += 1;
  }

  /** Those that occurred. */
  outcomes(): readonly OutcomeCount[] {
    return [...this.#cells.values()].flatMap((ofIsp) => [...ofIsp.values()]);
  }

  /** Of one kind, all together. */
  total(kind: Counted): number {
    let total = 0;
    for (const cell of this.outcomes()) if (cell.kind === kind) total += cell.count;
    return total;
  }
}
