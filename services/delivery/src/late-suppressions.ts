/**
 * Who was suppressed since a message of this stream may have been routed: what is older, the router has seen. Looked at just
 * before a mail is given to a session.
 */
import { randomInt } from 'node:crypto';
import {
  applySuppression,
  parseAddress,
  type Stream,
  SuppressionIndex,
  suppressionAddress,
  suppressionKey,
  topics,
} from '@millrace/core';
import type { Kafka, Tail } from '@millrace/kafka';
import type { Job } from './job.ts';
import type { OutcomeWriter } from './outcome-writer.ts';

export class LateSuppressions {
  readonly #stream: Stream;
  readonly #index = new SuppressionIndex(randomInt(2 ** 32));
  #tail: Tail | undefined;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Resolves when everything since then is known. `since`: ms since the epoch. */
  async follow(kafka: Kafka, since: number): Promise<void> {
    this.#tail = await kafka.tail({
      topic: topics.suppressionChanges,
      record: 'SuppressionChange',
      from: since,
      onRecord: ({ value }) => {
        const key = suppressionKey(value.tenant, value.address, value.list);
        applySuppression(this.#index, key, value.change === 'removed' ? null : value);
      },
    });
    await this.#tail.caughtUp();
  }

  async stop(): Promise<void> {
    await this.#tail?.stop();
  }

  /** Whether the message may still be sent; where not, that has been told. `now`: ms since the epoch. */
  allows(job: Job, outcomes: Pick<OutcomeWriter, 'suppressed'>, now: number): boolean {
    if (this.#index.size === 0) return true;
    const { tenant, recipient, category: list } = job.held.value;
    const parsed = parseAddress(recipient);
    if (parsed.kind === 'problem') return true;
    const question = { tenant, address: suppressionAddress(parsed), stream: this.#stream, list };
    const reason = this.#index.find(question, now);
    if (reason === undefined) return true;
    outcomes.suppressed(job, reason);
    return false;
  }
}
