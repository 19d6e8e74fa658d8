/**
 * Writes down what came of a message, in the order that loses nothing: journal, then event and delayed copy (acks=all),
 * then the record's completion.
 */
import { isStream, type ReplyCategory, retryDelayMs, topics } from '@millrace/core';
import {
  type Codec,
  enqueueDelayed,
  KafkaClosedError,
  type KafkaLogger,
  type Producer,
} from '@millrace/kafka';
import { type Answer, deliveryEvent, type Outcome, type Try } from './delivery-event.ts';
import type { Job } from './job.ts';
import type { Latencies } from './metrics.ts';
import type { Journal } from './redis/journal.ts';
import type { DeliveryTally } from './tally.ts';

export interface OutcomeWriterParts {
  readonly codec: Codec;
  readonly producer: Producer;
  readonly journal: Journal;
  readonly tally: DeliveryTally;
  readonly latencies: Latencies;
  /** What was delivered is told together with what else is delivered within this, ms; 0: at once. */
  readonly gatherMs: number;
  readonly logger: KafkaLogger;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** ms since the epoch. */
  readonly now: () => number;
}

/** Why a record waits in a delay tier without a try. */
export type PostponeReason = 'lane_busy' | 'suspended' | 'dns_failure' | 'template_missing' | 'retry';

const doneBefore: Answer = {
  code: null,
  enhanced: null,
  text: 'Delivered before this worker read the record again.',
  phase: null,
};

const mayHaveArrived: Answer = {
  code: null,
  enhanced: '4.4.2',
  text: 'A worker stopped while it was sending this message. It may have arrived and is not sent again.',
  phase: null,
};

const tooOld = (last: Answer | undefined): Answer => ({
  code: last?.code ?? null,
  enhanced: last?.enhanced ?? '5.4.7',
  text:
    last === undefined ? 'It grew too old before it could be sent.' : `It grew too old. Last: ${last.text}`,
  phase: last?.phase ?? null,
});

/** Every method ends the job. None rejects: what cannot be written goes to the dead letters with its reason. */
export class OutcomeWriter {
  readonly #parts: OutcomeWriterParts;
  #writing = 0;
  readonly #idle: (() => void)[] = [];
  #gathering: (() => void)[] = [];

  constructor(parts: OutcomeWriterParts) {
    this.#parts = parts;
  }

  /** Resolves when everything that was begun is written. */
  written(): Promise<void> {
    if (this.#writing === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  delivered(job: Job, tried: Try, answer: Answer): void {
    const outcome: Outcome = { kind: 'delivered', try: tried, answer };
    this.#supervise(job, this.#journaled(job, outcome, this.#parts.now()));
  }

  /** The journal knows that it was delivered: only the event is told again. */
  repeated(job: Job): void {
    const outcome: Outcome = { kind: 'delivered', try: null, answer: doneBefore };
    this.#parts.tally.count(job.held.value.isp, 'repeated', '');
    this.#supervise(job, this.#told(job, outcome));
  }

  /** A worker that is gone had it in a session, and it must not be sent twice. */
  uncertain(job: Job): void {
    this.bounced(job, null, mayHaveArrived, 'other');
  }

  bounced(job: Job, tried: Try | null, answer: Answer, category: string): void {
    this.#supervise(job, this.#told(job, { kind: 'bounced', try: tried, answer, category }));
  }

  /** `last`: what the last try was answered. */
  expired(job: Job, tried: Try | null, last?: Answer, category: string | null = null): void {
    const outcome: Outcome = { kind: 'expired', try: tried, answer: tooOld(last), category };
    this.#supervise(job, this.#told(job, outcome));
  }

  /** An operator dropped it. */
  cancelled(job: Job, reason: string): void {
    const answer: Answer = { code: null, enhanced: null, text: reason, phase: null };
    this.#supervise(job, this.#told(job, { kind: 'cancelled', try: null, answer, category: null }));
  }

  /** Its recipient must not be sent to any more. */
  suppressed(job: Job, reason: string): void {
    const text = `The address is suppressed: ${reason}.`;
    const answer: Answer = { code: null, enhanced: '5.7.0', text, phase: null };
    this.#supervise(job, this.#told(job, { kind: 'suppressed', try: null, answer, category: null }));
  }

  /** To be tried again by the schedule; expired, where that would be too late. */
  deferred(
    job: Job,
    tried: Try | null,
    answer: Answer,
    category: ReplyCategory,
    own: readonly number[] | null,
  ): void {
    const task = job.held.value;
    const now = this.#parts.now();
    const attempt = task.attempt + 1;
    const stream = isStream(task.stream) ? task.stream : 'batch';
    const nextAttemptAt = now + retryDelayMs(attempt, stream, category, this.#parts.random(), own);
    if (nextAttemptAt >= task.expires_at) {
      this.expired(job, tried, answer, category);
      return;
    }
    const outcome: Outcome = { kind: 'deferred', try: tried, answer, category, nextAttemptAt };
    const retry = this.#parts.codec.encode('DeliveryTask', { ...task, attempt });
    this.#supervise(job, this.#delayedAndTold(job, outcome, retry));
  }

  /** No try was made and none is counted: the record waits in a delay tier as it is. */
  postponed(job: Job, dueAt: number, reason: PostponeReason): void {
    const task = job.held.value;
    if (dueAt >= task.expires_at) dueAt = task.expires_at;
    this.#parts.tally.count(task.isp, 'postponed', reason);
    this.#supervise(
      job,
      this.#delayed(job, job.held.bytes, dueAt, reason).then(() => this.#finish(job, undefined)),
    );
  }

  async #journaled(job: Job, outcome: Outcome, at: number): Promise<void> {
    await this.#parts.journal.done(job.id);
    if (this.#parts.gatherMs > 0) await this.#gathered();
    await this.#told(job, outcome, at);
  }

  /** With the others of these milliseconds: nobody waits for it, and the record is only completed later. */
  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#gathering.push(resolve) > 1) return;
      setTimeout(() => {
        for (const go of this.#gathering.splice(0)) go();
      }, this.#parts.gatherMs);
    });
  }

  async #told(job: Job, outcome: Outcome, at = this.#parts.now()): Promise<void> {
    await this.#tell(job, outcome, at);
    this.#finish(job, outcome, at);
  }

  async #delayedAndTold(
    job: Job,
    outcome: Extract<Outcome, { kind: 'deferred' }>,
    retry: Buffer,
  ): Promise<void> {
    // Else whoever gets the next copy takes it for one that is still in a session.
    if (outcome.try !== null && outcome.try.sizeBytes !== null) await this.#parts.journal.undo(job.id);
    await Promise.all([
      this.#delayed(job, retry, outcome.nextAttemptAt, 'retry'),
      this.#tell(job, outcome, this.#parts.now()),
    ]);
    this.#finish(job, outcome);
  }

  /** `at`: when it came to that, ms since the epoch. */
  #tell(job: Job, outcome: Outcome, at: number): Promise<void> {
    const { producer } = this.#parts;
    const task = job.held.value;
    const value = deliveryEvent(task, outcome, at, job.span.traceId);
    return job.span.within(() =>
      producer.send('MessageEvent', topics.events, { key: task.message_id, value }),
    );
  }

  #delayed(job: Job, value: Buffer, dueAt: number, reason: PostponeReason): Promise<void> {
    const { producer, now } = this.#parts;
    const { held } = job;
    return job.span.within(() =>
      enqueueDelayed(producer, {
        messageId: held.value.message_id,
        dueAt,
        now: now(),
        targetTopic: held.topic,
        key: held.key ?? held.value.domain,
        value,
        stream: held.value.stream,
        reason,
        headers: held.headers,
      }),
    );
  }

  #finish(job: Job, outcome: Outcome | undefined, at = this.#parts.now()): void {
    job.held.complete();
    job.span.end(outcome);
    if (outcome === undefined) return;
    const { tally, latencies } = this.#parts;
    const task = job.held.value;
    tally.count(task.isp, outcome.kind, outcome.kind === 'delivered' ? '' : (outcome.category ?? ''));
    if (outcome.kind === 'delivered' && outcome.try !== null) latencies.delivered(task, outcome.try, at);
  }

  #supervise(job: Job, written: Promise<void>): void {
    this.#writing += 1;
    written.then(this.#settled, (error: unknown) => {
      job.span.end(undefined);
      this.#settled();
      // The record stays unfinished: whoever gets its partition next reads it again.
      if (error instanceof KafkaClosedError || job.held.lost.aborted) return;
      const { logger } = this.#parts;
      const reason = error instanceof Error ? error.message : String(error);
      const fields = { error: reason, message_id: job.held.value.message_id };
      logger.error(fields, 'an outcome cannot be written; the record goes to the dead letters');
      job.held.reject(reason).catch((again: unknown) => {
        logger.error({ ...fields, error: String(again) }, 'writing a dead letter');
      });
    });
  }

  readonly #settled = (): void => {
    this.#writing -= 1;
    if (this.#writing === 0) for (const done of this.#idle.splice(0)) done();
  };
}
