/** The life of messages, as `mail.events` tells it. */
import { topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';

const waitMs = 60_000;
const last = new Set(['delivered', 'bounced', 'expired', 'suppressed', 'rejected', 'cancelled']);
/** Said of a lane, a campaign or a provider, and named after the message that gave the occasion. */
const ofOthers = new Set(['shaped', 'spike']);

/** What is there, and who waits for more. */
export class Events {
  readonly #byMessage = new Map<string, MessageEvent[]>();
  readonly #waiting = new Set<() => void>();

  /** Of everything that happens from now on. */
  static async follow(kafka: Kafka): Promise<Events> {
    const events = new Events();
    await kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from: 'latest',
      onRecord: ({ value }) => events.#add(value),
    });
    return events;
  }

  /** Every event of the message so far, in their order. */
  of(messageId: string): readonly MessageEvent[] {
    return this.#byMessage.get(messageId) ?? [];
  }

  /** Waits for an event that fits, and throws with what there was when none comes within 60 s. */
  async until(messageId: string, fits: (event: MessageEvent) => boolean): Promise<MessageEvent> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const found = this.of(messageId).find(fits);
      if (found) return found;
      if (performance.now() > deadline) {
        const seen = this.of(messageId).map(({ kind, text }) => `${kind} ${text ?? ''}`);
        throw new Error(`No such event of ${messageId} within ${waitMs} ms; there were: ${seen.join(', ')}`);
      }
      await this.#next(deadline);
    }
  }

  /** All events of a message's own way, when its last one has come. */
  async life(messageId: string): Promise<readonly MessageEvent[]> {
    await this.until(messageId, ({ kind }) => last.has(kind));
    return this.of(messageId).filter(({ kind }) => !ofOthers.has(kind));
  }

  #add(event: MessageEvent): void {
    const events = this.#byMessage.get(event.message_id);
    if (events) events.push(event);
    else this.#byMessage.set(event.message_id, [event]);
    for (const wake of [...this.#waiting]) wake();
  }

  #next(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(1, deadline - performance.now()));
      this.#waiting.add(wake);
    });
  }
}
