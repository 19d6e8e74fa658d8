/**
 * Where a member of a group found nothing to read, its next fetch rests: it waits at the broker for seconds, and is answered
 * by the first record, whatever the consumer asks for when it is busy. kafkajs sends heartbeats between fetches; while one
 * rests, they are sent here, and what must not wait ends it: a rebalance, something that went wrong, a stop.
 */
import type { ConsumerGroup } from './kafkajs-internals.ts';

/** ms. */
const heartbeatMs = 1_000;
const woken = new Error('A resting fetch was woken.');

/** Of one member of a group. */
export class RestingFetches {
  readonly #group: Pick<ConsumerGroup, 'heartbeat'>;
  /** Nodes whose last answer was empty. */
  readonly #idle = new Set<string>();
  readonly #resting = new Set<AbortController>();

  constructor(group: Pick<ConsumerGroup, 'heartbeat'>) {
    this.#group = group;
  }

  /** Whether the node had nothing to tell when it was last asked. */
  isIdle(nodeId: string): boolean {
    return this.#idle.has(nodeId);
  }

  answered(nodeId: string, idle: boolean): void {
    if (idle) this.#idle.add(nodeId);
    else this.#idle.delete(nodeId);
  }

  /** Undefined: it was woken. */
  async rest<Answer>(fetch: (signal: AbortSignal) => Promise<Answer>): Promise<Answer | undefined> {
    const end = new AbortController();
    const beats = setInterval(() => {
      // kafkajs's next one, after the fetch, says what is wrong.
      this.#group.heartbeat({ interval: heartbeatMs / 2 }).catch(() => this.wake());
    }, heartbeatMs);
    this.#resting.add(end);
    try {
      return await fetch(end.signal);
    } catch (error) {
      if (error === woken) return undefined;
      throw error;
    } finally {
      clearInterval(beats);
      this.#resting.delete(end);
    }
  }

  /** Those that rest are over, and the next ones do not. */
  wake(): void {
    this.#idle.clear();
    for (const one of this.#resting) one.abort(woken);
  }
}
