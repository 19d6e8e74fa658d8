/**
 * How many records are handed out ahead of what becomes of them. A worker is as fast with a few hundred on their way as
 * with all that its windows could hold, and what is short-lived costs the collector of garbage next to nothing. But records
 * that wait for something else than the worker (a lane's rate, a provider that is down) must not keep others from being
 * looked at: one that is known to wait (`waits` of held.ts), or not finished after some seconds, is no longer counted, and
 * only its window bounds those. Pure.
 */

export interface FlowLimits {
  /** Records of all partitions together. */
  readonly together: number;
  /** Records that each partition may have on their way in any case. */
  readonly ofPartition: number;
}

/** A record counts for so many turns; whoever owns the budget turns it. */
const turns = 4;

export class FlowBudget {
  readonly #limits: FlowLimits;
  readonly #flows = new Set<PartitionFlow>();
  #turn = 0;
  #onTheirWay = 0;

  constructor(limits: FlowLimits) {
    this.#limits = limits;
  }

  get limits(): FlowLimits {
    return this.#limits;
  }

  /** Records that count, of all partitions. */
  get onTheirWay(): number {
    return this.#onTheirWay;
  }

  get turn(): number {
    return this.#turn;
  }

  /** For one more partition. */
  open(): PartitionFlow {
    const flow = new PartitionFlow(this, (change) => {
      this.#onTheirWay += change;
    });
    this.#flows.add(flow);
    return flow;
  }

  /** The partition is another worker's now. */
  close(flow: PartitionFlow): void {
    if (!this.#flows.delete(flow)) return;
    flow.forget();
  }

  /** What was handed out `turns` turns ago counts no more. */
  nextTurn(): void {
    this.#turn += 1;
    for (const flow of this.#flows) flow.turned();
  }
}

/** One partition's part of it. */
export class PartitionFlow {
  readonly #budget: FlowBudget;
  readonly #changed: (by: number) => void;
  /** Records that count, by the turn in which they were handed out. */
  readonly #byTurn = new Array<number>(turns).fill(0);
  #onTheirWay = 0;
  #refillAt = 0;
  #forgotten = false;

  constructor(budget: FlowBudget, changed: (by: number) => void) {
    this.#budget = budget;
    this.#changed = changed;
  }

  /** Whether one more may be handed out. */
  get hasRoom(): boolean {
    const { limits, onTheirWay } = this.#budget;
    return this.#onTheirWay < limits.ofPartition || onTheirWay < limits.together;
  }

  /** Enough of them have finished that it is worth handing out the next ones, together. */
  get isLow(): boolean {
    return this.#onTheirWay <= this.#refillAt;
  }

  /** One is handed out. Its turn, for `finished`. */
  took(): number {
    this.#count(this.#budget.turn, 1);
    return this.#budget.turn;
  }

  /** Nothing more is handed out for the moment. */
  paused(): void {
    this.#refillAt = Math.floor(this.#onTheirWay / 2);
  }

  /** One is finished, or known to wait for something else. */
  finished(turn: number): void {
    if (!this.#forgotten && turn > this.#budget.turn - turns) this.#count(turn, -1);
  }

  turned(): void {
    const { turn } = this.#budget;
    this.#count(turn, -(this.#byTurn[turn % turns] ?? 0));
  }

  forget(): void {
    this.#forgotten = true;
    this.#changed(-this.#onTheirWay);
  }

  #count(turn: number, by: number): void {
    this.#byTurn[turn % turns] = (this.#byTurn[turn % turns] ?? 0) + by;
    this.#onTheirWay += by;
    this.#changed(by);
  }
}
