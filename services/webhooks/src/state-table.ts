/** What all processes know of endpoints: since when they are known, and which events wait in delay tiers. */
import { webhookStateKey, webhookTopics } from '@millrace/core';
import type { FollowedTable, Kafka, Producer } from '@millrace/kafka';

/** Of one message at one endpoint. */
export interface Waiting {
  /** In the order in which they are to be posted. */
  readonly eventIds: readonly string[];
  /** When the first comes back, ms since the epoch. */
  readonly nextAttemptAt: number;
}

/** Delay tiers keep nothing for longer: what should have come back before that is gone. */
const lostAfterMs = 7 * 86_400_000;

export class StateTable {
  readonly #producer: Producer;
  readonly #since = new Map<string, number>();
  readonly #waiting = new Map<string, Map<string, Waiting>>();
  readonly #followed: Promise<FollowedTable>;

  private constructor(kafka: Kafka, producer: Producer) {
    this.#producer = producer;
    this.#followed = kafka.followedTable({
      topic: webhookTopics.state,
      record: 'WebhookState',
      onChange: (key, record) => {
        if (record === null) this.#forget(key);
        else if (record.message_id === '') this.#since.set(record.endpoint, record.since);
        else
          this.#of(record.endpoint).set(record.message_id, {
            eventIds: record.event_ids,
            nextAttemptAt: record.next_attempt_at,
          });
      },
    });
  }

  /** Resolves when everything that there is has been read. */
  static async follow(kafka: Kafka, producer: Producer): Promise<StateTable> {
    const table = new StateTable(kafka, producer);
    await (await table.#followed).caughtUp();
    return table;
  }

  /** From when on the endpoint gets events, ms since the epoch; an endpoint that is new is written down as of now. */
  async knownSince(endpoint: string, now: number): Promise<number> {
    const known = this.#since.get(endpoint);
    if (known !== undefined) return known;
    this.#since.set(endpoint, now);
    const value = { endpoint, message_id: '', since: now, event_ids: [], next_attempt_at: 0 };
    await this.#producer.send('WebhookState', webhookTopics.state, {
      key: webhookStateKey(endpoint, ''),
      value,
    });
    return now;
  }

  /** What waits for an endpoint by message, as of this moment and of all processes. */
  async waitingOf(endpoint: string, now: number): Promise<Map<string, Waiting>> {
    await (await this.#followed).catchUp();
    const waiting = new Map<string, Waiting>();
    for (const [messageId, one] of this.#waiting.get(endpoint) ?? [])
      if (one.nextAttemptAt > now - lostAfterMs) waiting.set(messageId, one);
    return waiting;
  }

  /** Writes down what waits for a message; nothing: forgets it. Resolves when Kafka has it. */
  write(endpoint: string, messageId: string, { eventIds, nextAttemptAt }: Waiting): Promise<void> {
    const key = webhookStateKey(endpoint, messageId);
    if (eventIds.length === 0) return this.#producer.sendTombstone(webhookTopics.state, key);
    const value = {
      endpoint,
      message_id: messageId,
      since: 0,
      event_ids: eventIds,
      next_attempt_at: nextAttemptAt,
    };
    return this.#producer.send('WebhookState', webhookTopics.state, { key, value });
  }

  async stop(): Promise<void> {
    await (await this.#followed).stop();
  }

  #of(endpoint: string): Map<string, Waiting> {
    const known = this.#waiting.get(endpoint) ?? new Map<string, Waiting>();
    this.#waiting.set(endpoint, known);
    return known;
  }

  #forget(key: string): void {
    const [endpoint = '', messageId = ''] = key.split(' ');
    if (messageId === '') this.#since.delete(endpoint);
    else this.#waiting.get(endpoint)?.delete(messageId);
  }
}
