/**
 * The event of a message that a report is about, out of mail.events: a message id holds the time from which on to read. Ids
 * that are asked for together are looked for in one reading, and what was found is remembered for a while.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessageId, messageIdTime, topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';

export interface MessageFinderOptions {
  readonly kafka: Kafka;
  /** How long others are waited for before a reading begins, ms. Default 100. */
  readonly gatherMs?: number;
  /** How long one reading may take, ms. Default 30,000; what was not found by then stays unknown. */
  readonly readMs?: number;
}

interface Asked {
  readonly settle: (event: MessageEvent | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** Clocks of the machines that write events may differ by this much, ms. */
const clockMarginMs = 5_000;
const remembered = 10_000;
/** With one of these nothing more is needed: it says where the message went. */
const enough: ReadonlySet<string> = new Set(['delivered', 'bounced', 'expired']);

export class MessageFinder {
  readonly #options: MessageFinderOptions;
  readonly #found = new Map<MessageId, MessageEvent>();
  #asked = new Map<MessageId, Asked[]>();
  #reading: Promise<void> | undefined;
  #stopped = false;

  constructor(options: MessageFinderOptions) {
    this.#options = options;
  }

  /** The event that says most of the message, undefined where none is kept any more. Rejects where Kafka is away. */
  find(id: MessageId): Promise<MessageEvent | undefined> {
    const known = this.#found.get(id);
    if (known !== undefined || this.#stopped) return Promise.resolve(known);
    return new Promise((settle, fail) => {
      const asked = this.#asked.get(id) ?? [];
      asked.push({ settle, fail });
      this.#asked.set(id, asked);
      this.#reading ??= this.#readAll().finally(() => {
        this.#reading = undefined;
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reading;
  }

  async #readAll(): Promise<void> {
    while (this.#asked.size > 0) {
      await sleep(this.#options.gatherMs ?? 100);
      const wanted = this.#asked;
      this.#asked = new Map();
      try {
        const events = await this.#read(new Set(wanted.keys()));
        for (const [id, asked] of wanted) {
          const event = events.get(id);
          if (event !== undefined) this.#remember(id, event);
          for (const { settle } of asked) settle(event);
        }
      } catch (error) {
        for (const { fail } of [...wanted.values()].flat()) fail(error);
      }
    }
  }

  async #read(ids: Set<MessageId>): Promise<ReadonlyMap<string, MessageEvent>> {
    const found = new Map<string, MessageEvent>();
    const missing = new Set<string>(ids);
    const all = Promise.withResolvers<void>();
    const from = Math.max(0, Math.min(...[...ids].map(messageIdTime)) - clockMarginMs);
    const tail = await this.#options.kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from,
      keys: missing,
      onRecord: ({ value }) => {
        found.set(value.message_id, value);
        if (!enough.has(value.kind)) return;
        missing.delete(value.message_id);
        if (missing.size === 0) all.resolve();
      },
    });
    const limit = setTimeout(() => all.resolve(), this.#options.readMs ?? 30_000);
    try {
      await Promise.race([tail.caughtUp(), all.promise]);
    } finally {
      clearTimeout(limit);
      await tail.stop();
    }
    return found;
  }

  #remember(id: MessageId, event: MessageEvent): void {
    if (this.#found.size >= remembered) {
      const oldest = this.#found.keys().next();
      if (!oldest.done) this.#found.delete(oldest.value);
    }
    this.#found.set(id, event);
  }
}
