/** Who must not be sent to, as this process knows it: some 10 bytes an address, followed from mail.suppressions. */
import { randomInt } from 'node:crypto';
import { applySuppression, SuppressionIndex, streams, topics } from '@millrace/core';
import type { FollowedTable, Kafka } from '@millrace/kafka';
import type { Suppression } from '@millrace/schemas';

export class SuppressionList {
  readonly #index = new SuppressionIndex(randomInt(2 ** 32));

  /** Entries of all tenants. */
  get size(): number {
    return this.#index.size;
  }

  /** Begins to follow the topic. */
  follow(kafka: Kafka): Promise<FollowedTable> {
    return kafka.followedTable({
      topic: topics.suppressions,
      record: 'Suppression',
      onChange: (key, suppression) => this.apply(key, suppression),
    });
  }

  /** Takes a change in; also right after it was written. */
  apply(key: string, suppression: Suppression | null): void {
    applySuppression(this.#index, key, suppression);
  }

  /**
   * Streams that must not send to an address, on a list where one is named, and why; undefined: every stream may. `now`: ms
   * since the epoch.
   */
  find(
    tenant: string,
    address: string,
    list: string | null,
    now: number,
  ): { readonly reason: string; readonly streams: readonly string[] } | undefined {
    const found = streams.flatMap((stream) => {
      const reason = this.#index.find({ tenant, address, stream, list }, now);
      return reason === undefined ? [] : [{ stream, reason }];
    });
    const [first] = found;
    if (first === undefined) return undefined;
    return { reason: first.reason, streams: found.map(({ stream }) => stream) };
  }
}
