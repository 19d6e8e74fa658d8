/** What the journal knows of records that came in: most are new; some were sent before, by this worker or another one. */
import type { MessageId, Stream } from '@millrace/core';
import type { KafkaLogger } from '@millrace/kafka';
import { isAtMostOnce, type Job } from './job.ts';
import type { OutcomeWriter } from './outcome-writer.ts';
import type { Journal, JournalEntry } from './redis/journal.ts';
import type { WorkerCensus } from './redis/worker-census.ts';

export interface JournalLookParts {
  readonly journal: Pick<Journal, 'lookup'>;
  readonly census: Pick<WorkerCensus, 'number' | 'isAlive'>;
  /** Messages that are in a session of this worker right now. */
  readonly inSession: ReadonlySet<MessageId>;
  readonly outcomes: Pick<OutcomeWriter, 'repeated' | 'uncertain'>;
  readonly stream: Stream;
  readonly logger: KafkaLogger;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** A message that another worker has in a session is looked up again after this, ms. */
const againMs = 1_000;
/** No session keeps a mail longer, ms: the time limits of RFC 5321 4.5.3.2 together, and some more. */
const longestInFlightMs = 1_800_000;

export class JournalLook {
  readonly #parts: JournalLookParts;
  /** Another worker may have them in a session. */
  #elsewhere: Job[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** They wait until Redis is there. */
  #unknown: Job[] = [];

  constructor(parts: JournalLookParts) {
    this.#parts = parts;
  }

  /** Gives to `place` what is to be sent; ends or keeps the others. */
  async sort(jobs: readonly Job[], place: (fresh: readonly Job[]) => void): Promise<void> {
    const entries = await this.#parts.journal.lookup(jobs.map(({ id }) => id));
    const fresh: Job[] = [];
    jobs.forEach((job, index) => {
      const entry = entries[index];
      if (entry !== undefined && this.#isFresh(job, entry)) fresh.push(job);
    });
    if (this.#elsewhere.length > 0) this.#lookAgain(place);
    if (fresh.length > 0) place(fresh);
  }

  /** Whether it is to be sent now, by what the journal said of it; where not, as `sort`. */
  mayGoOn(job: Job, entry: JournalEntry, place: (fresh: readonly Job[]) => void): boolean {
    const fresh = this.#isFresh(job, entry);
    if (this.#elsewhere.length > 0) this.#lookAgain(place);
    return fresh;
  }

  /** Redis is there again. */
  redisIsBack(place: (fresh: readonly Job[]) => void): void {
    const jobs = this.#unknown.splice(0).filter(({ held }) => !held.lost.aborted);
    if (jobs.length > 0) this.#sortAgain(jobs, place);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#elsewhere = [];
    this.#unknown = [];
  }

  #isFresh(job: Job, entry: JournalEntry): boolean {
    const { outcomes, stream } = this.#parts;
    switch (entry.kind) {
      case 'none':
        return true;
      case 'done':
        outcomes.repeated(job);
        return false;
      case 'inflight':
        if (this.#isElsewhere(job.id, entry)) {
          this.#elsewhere.push(job);
          return false;
        }
        if (!isAtMostOnce(job)) return true;
        outcomes.uncertain(job);
        return false;
      case 'unknown':
        // Batch has time, and what must not be sent twice has to wait.
        if (stream === 'realtime' && !isAtMostOnce(job)) return true;
        this.#unknown.push(job);
        return false;
      default:
        return entry satisfies never;
    }
  }

  #isElsewhere(id: MessageId, { worker, since }: Extract<JournalEntry, { kind: 'inflight' }>): boolean {
    const { census, inSession, now } = this.#parts;
    if (worker === census.number) return inSession.has(id);
    return census.isAlive(worker) && now() - since < longestInFlightMs;
  }

  #lookAgain(place: (fresh: readonly Job[]) => void): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const jobs = this.#elsewhere.splice(0).filter(({ held }) => !held.lost.aborted);
      if (jobs.length > 0) this.#sortAgain(jobs, place);
    }, againMs);
  }

  #sortAgain(jobs: readonly Job[], place: (fresh: readonly Job[]) => void): void {
    this.sort(jobs, place).catch((error: unknown) => {
      this.#parts.logger.error({ error: String(error) }, 'looking up records in the journal');
    });
  }
}
