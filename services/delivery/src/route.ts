/** The messages of one lane for one destination, and the sessions that lead there. */
import { DeadlineQueue } from '@millrace/core';
import type { Destination } from './destinations.ts';
import type { Job } from './job.ts';
import type { SessionUse } from './session-use.ts';

/** After the first failure; doubled with each further one. */
const firstHoldMs = 500;
const longestHoldMs = 60_000;

export class Route {
  readonly destination: Destination;
  /** Earliest deadline first. */
  readonly waiting = new DeadlineQueue<Job>();
  /** Rendered and signed: to be sent as soon as a session takes one and there is a token. */
  readonly prepared: Job[] = [];
  readonly uses = new Set<SessionUse>();
  /** Being prepared. */
  preparing = 0;
  /** Sessions being opened. */
  opening = 0;
  /** No session is opened before, ms since the epoch. */
  opensAt = 0;
  #failures = 0;

  constructor(destination: Destination) {
    this.destination = destination;
  }

  /** Messages that no session has yet. */
  get backlog(): number {
    return this.waiting.size + this.preparing + this.prepared.length;
  }

  /** Nothing waits here and nothing leads here. */
  get deserted(): boolean {
    return this.backlog === 0 && this.uses.size === 0 && this.opening === 0;
  }

  get idleUses(): number {
    let idle = 0;
    for (const use of this.uses) if (use.inFlight === 0 && use.ready) idle += 1;
    return idle;
  }

  /**
   * A session that takes a mail now: one that does nothing, else one where the mail goes behind another. `together`: better
   * one where it goes out in one piece with the mail before it, which is half the work, and one session's instead of two's.
   */
  readyUse(together = false): SessionUse | undefined {
    let idle: SessionUse | undefined;
    let behind: SessionUse | undefined;
    for (const use of this.uses) {
      if (!use.ready) continue;
      if (together && use.joins) return use;
      if (use.inFlight > 0) behind ??= use;
      else if (together) idle ??= use;
      else return use;
    }
    // What is left is for the sessions that are about to open.
    return idle ?? (this.prepared.length > this.opening ? behind : undefined);
  }

  /** Deadline of the most urgent message that no session has. */
  get urgency(): number | undefined {
    return this.prepared[0]?.held.value.deadline ?? this.waiting.peek()?.held.value.deadline;
  }

  opened(): void {
    this.#failures = 0;
    this.opensAt = 0;
  }

  /** No session came about: the next one is tried after a wait that doubles. `random`: 0 <= x < 1. */
  failed(now: number, random: number): void {
    const holdMs = Math.min(longestHoldMs, firstHoldMs * 2 ** this.#failures);
    this.#failures += 1;
    this.opensAt = now + holdMs * (0.75 + random / 2);
  }
}
