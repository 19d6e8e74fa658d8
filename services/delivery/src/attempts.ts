/** One try: the mail through its session with the journal beside it, and what follows from the answer. */
import type { MessageId } from '@millrace/core';
import type { SendResult, SmtpReply } from '@millrace/smtp';
import type { NoSessionError } from './connector.ts';
import type { Answer, Try } from './delivery-event.ts';
import { isAtMostOnce, type Job } from './job.ts';
import type { Lane } from './lane.ts';
import type { OutcomeWriter } from './outcome-writer.ts';
import type { Journal, JournalEntry } from './redis/journal.ts';
import type { Session } from './session.ts';
import type { SessionUse } from './session-use.ts';
import type { DeliveryTally } from './tally.ts';
import { failureResult, type TryResult, tryResult } from './try-result.ts';

export interface AttemptParts {
  readonly journal: Pick<Journal, 'begin' | 'claim' | 'done' | 'undo'>;
  readonly outcomes: Pick<
    OutcomeWriter,
    'delivered' | 'repeated' | 'postponed' | 'deferred' | 'bounced' | 'expired'
  >;
  readonly tally: DeliveryTally;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** What is asked of the lane that a message leaves from. */
export interface AttemptLane {
  readonly source: Pick<Lane['source'], 'name'>;
  readonly limits: Pick<Lane['limits'], 'retryScheduleMs'>;
}

/** So often a message goes back to its queue because the session it was given to was over, before that counts as a try. */
const maxReturns = 3;
/** A message that must not be sent without the journal asks for it again after this, ms. */
const withheldMs = 5_000;

/** Refused here, without asking the server: the envelope cannot be said in SMTP. */
const unspeakable = (error: unknown): SendResult => {
  const text = error instanceof Error ? error.message : String(error);
  const reply: SmtpReply = { code: 553, enhanced: '5.1.3', text, lines: [text] };
  return { kind: 'refused', phase: 'mail', reply, local: true };
};

export class Attempts {
  readonly #parts: AttemptParts;
  readonly #inSession = new Set<MessageId>();

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /** Messages that are in a session right now, or claimed for one. */
  get inSession(): ReadonlySet<MessageId> {
    return this.#inSession;
  }

  /** False: another worker has it, or it is too old and that has been told. */
  readonly mayBeSent = (job: Job): boolean => {
    if (job.held.lost.aborted) {
      job.span.end(undefined);
      return false;
    }
    if (job.held.value.expires_at > this.#parts.now()) return true;
    this.#parts.outcomes.expired(job, null);
    return false;
  };

  /**
   * Begins a message ahead of its session, where nobody else has it. Answers what was known of it before; `none`: it is
   * this worker's now. Never rejects.
   */
  async claim(job: Job): Promise<JournalEntry> {
    const was = await this.#parts.journal.claim(job.id);
    if (was.kind === 'none') this.#claimed(job);
    return was;
  }

  /** As `claim`, from a worker that is gone. */
  async takeOver(job: Job): Promise<void> {
    const [was] = await this.#parts.journal.begin([job.id]);
    if (was?.kind === 'inflight' || was?.kind === 'none') this.#claimed(job);
  }

  #claimed(job: Job): void {
    job.claimed = true;
    this.#inSession.add(job.id);
  }

  /** Its mail is not needed any more; where it was claimed and came into no session, whoever has it next may send it. */
  readonly letGo = (job: Job): void => {
    if (!job.claimed) return;
    job.claimed = false;
    this.#inSession.delete(job.id);
    void this.#parts.journal.undo(job.id);
  };

  /** Never rejects. */
  readonly send = async (job: Job, session: Session): Promise<SendResult> => {
    const { mail } = job;
    if (mail === undefined) return unspeakable(new TypeError('The mail was given up.'));
    this.#parts.tally.attempts += 1;
    this.#inSession.add(job.id);
    const taken = (): void => {
      if (job.mail === mail) job.taken = true;
    };
    const hooks = job.claimed ? { taken } : { taken, beforeDot: () => this.#begin(job) };
    job.claimed = false;
    const { envelope, data, smtpUtf8, eightBit } = mail;
    const { mailFrom, rcptTo } = envelope;
    try {
      return await session.send({ mailFrom, rcptTo, data, smtpUtf8, eightBit }, hooks);
    } catch (error) {
      return unspeakable(error);
    }
  };

  /** Notes that it is about to be finished. Rejects where that must not be. */
  async #begin(job: Job): Promise<void> {
    const { journal, tally } = this.#parts;
    const [was] = await journal.begin([job.id]);
    switch (was?.kind) {
      case 'done':
        // A copy of it was faster.
        job.sentBefore = true;
        await journal.done(job.id, was.at);
        throw new SentBeforeError(job.id);
      case 'unknown':
        tally.unjournaled += 1;
        if (isAtMostOnce(job)) throw new NoJournalError();
        return;
      default:
    }
  }

  /** Writes down what came of it. True: it was no try, the message goes back to its queue. */
  readonly answered = (
    job: Job,
    lane: AttemptLane,
    use: Pick<SessionUse, 'session' | 'deliveries' | 'inFlight'>,
    sent: SendResult,
    durationMs: number,
  ): boolean => {
    this.#inSession.delete(job.id);
    if (job.sentBefore) {
      this.#parts.outcomes.repeated(job);
      return false;
    }
    const atMostOnce = isAtMostOnce(job);
    // The one before it counts: where this was the first mail, the session's end is about this mail.
    const result = tryResult(sent, { earlierMails: use.deliveries - 1 - use.inFlight, atMostOnce });
    const { session } = use;
    const tried: Try = {
      source: lane.source.name,
      mx: session.host,
      remoteAddress: session.remoteAddress,
      tls: session.tls,
      durationMs,
      sizeBytes: job.mail?.data.length ?? null,
    };
    switch (result.kind) {
      case 'delivered':
        this.#parts.outcomes.delivered(job, tried, result.answer);
        return false;
      case 'not_tried':
        job.returns += 1;
        if (job.returns <= maxReturns) {
          // Another worker that comes to have it, here or as a later copy, would wait for a session that is over.
          void this.#parts.journal.undo(job.id);
          return true;
        }
        this.#write(job, lane, tried, gaveUp(sent));
        return false;
      case 'withheld':
        this.#parts.outcomes.postponed(job, this.#parts.now() + withheldMs, 'retry');
        return false;
      default:
        this.#write(job, lane, tried, result);
        return false;
    }
  };

  /** No session could be opened for it. */
  readonly unreached = (job: Job, lane: Lane, failure: NoSessionError, durationMs: number): void => {
    this.#parts.tally.sessionFailures += 1;
    const tried: Try = {
      source: lane.source.name,
      mx: failure.host,
      remoteAddress: failure.remoteAddress,
      tls: null,
      durationMs,
      sizeBytes: null,
    };
    if (failure.failure !== undefined) {
      this.#write(job, lane, tried, failureResult(failure.failure));
      return;
    }
    const answer: Answer = { code: null, enhanced: '4.4.1', text: failure.message, phase: 'dns' };
    this.#write(job, lane, tried, { kind: 'deferred', answer, category: 'dns_failed' });
  };

  #write(
    job: Job,
    lane: AttemptLane,
    tried: Try,
    result: Extract<TryResult, { kind: 'deferred' | 'bounced' }>,
  ): void {
    const { outcomes } = this.#parts;
    const { answer, category } = result;
    if (result.kind === 'bounced') outcomes.bounced(job, tried, answer, category);
    else outcomes.deferred(job, tried, answer, category, lane.limits.retryScheduleMs);
  }
}

/** Withholds a mail that was sent before. */
class SentBeforeError extends Error {
  override readonly name = 'SentBeforeError';

  constructor(id: MessageId) {
    super(`${id} was delivered before.`);
  }
}

/** Withholds a mail that must not be sent twice while nobody can note that it is sent. */
class NoJournalError extends Error {
  override readonly name = 'NoJournalError';

  constructor() {
    super('The journal cannot be written: Redis is away.');
  }
}

/** A session that ended before the mail's turn, once too often. */
const gaveUp = (sent: SendResult): Extract<TryResult, { kind: 'deferred' | 'bounced' }> => {
  if (sent.kind === 'failed') return failureResult(sent.error);
  const reply = sent.reply;
  const answer = { code: reply.code, enhanced: reply.enhanced, text: reply.text, phase: 'mail' };
  return { kind: 'deferred', answer, category: 'server_busy' };
};
