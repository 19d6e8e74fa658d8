/**
 * Realtime's way to a mail that is ready: the journal is asked and told in one call, while the mail is rendered and signed,
 * so that nothing is waited for between the server's 354 and the final dot. Batch looks its records up as they come, many
 * at a time, before it spends anything on them.
 */
import type { Attempts } from './attempts.ts';
import { isAtMostOnce, type Job } from './job.ts';
import type { JournalLook } from './journal-look.ts';

export interface ClaimingParts {
  readonly attempts: Pick<Attempts, 'claim' | 'takeOver'>;
  readonly look: Pick<JournalLook, 'mayGoOn'>;
  /** Renders and signs; false: the message has ended another way. Never rejects. */
  readonly prepare: (job: Job) => Promise<boolean>;
  /** They are to find their lane anew. */
  readonly place: (jobs: readonly Job[]) => void;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Older records may have been read before: they are looked up as they come. */
const newMs = 10_000;

export class Claiming {
  readonly #parts: ClaimingParts;

  constructor(parts: ClaimingParts) {
    this.#parts = parts;
  }

  /** What must not be sent twice is begun at the last moment: whatever is begun when a worker dies counts as sent. */
  readonly suits = (job: Job): boolean =>
    !isAtMostOnce(job) && this.#parts.now() - job.held.timestamp < newMs;

  /** False: the message has ended another way, or waits for another worker. Never rejects. */
  readonly prepare = async (job: Job): Promise<boolean> => {
    const { attempts, look, place } = this.#parts;
    if (isAtMostOnce(job)) return this.#parts.prepare(job);
    const claim = attempts.claim(job);
    // Redis is asked at the end of this turn of the event loop, and has its answer when the mail is signed.
    await new Promise((resolve) => setImmediate(resolve));
    const prepared = await this.#parts.prepare(job);
    const was = await claim;
    if (!prepared || was.kind === 'none') return prepared;
    if (!look.mayGoOn(job, was, place)) return false;
    if (was.kind === 'inflight') await attempts.takeOver(job);
    return true;
  };
}
