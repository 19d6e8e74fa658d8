/** Suppressions as this service knows and writes them. */
import { randomInt } from 'node:crypto';
import {
  applySuppression,
  isStream,
  type Stream,
  SuppressionIndex,
  streams,
  suppressionKey,
  topics,
} from '@millrace/core';
import type { FollowedTable, Kafka, Producer } from '@millrace/kafka';
import type { Suppression, SuppressionChange } from '@millrace/schemas';

/** Which entry, and by whom and why it goes. */
export interface Removal {
  readonly tenant: string;
  readonly address: string;
  readonly list: string | null;
  readonly note: string;
}

export class SuppressionBook {
  readonly #index = new SuppressionIndex(randomInt(2 ** 32));
  readonly #producer: Producer;
  #table: FollowedTable | undefined;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  get size(): number {
    return this.#index.size;
  }

  /** Resolves when everything that was there has been read. */
  async follow(kafka: Kafka): Promise<void> {
    this.#table = await kafka.followedTable({
      topic: topics.suppressions,
      record: 'Suppression',
      onChange: (key, suppression) => applySuppression(this.#index, key, suppression),
    });
    await this.#table.caughtUp();
  }

  async stop(): Promise<void> {
    await this.#table?.stop();
  }

  /** Whether nothing that this would keep from being sent could be sent as it is. */
  covers(wanted: Pick<Suppression, 'tenant' | 'address' | 'list' | 'streams'>, now: number): boolean {
    const { tenant, address, list } = wanted;
    const of: readonly Stream[] = wanted.streams.length === 0 ? streams : wanted.streams.filter(isStream);
    return of.every((stream) => this.#index.find({ tenant, address, stream, list }, now) !== undefined);
  }

  /** Whether batch mail of a list, or of none, is kept from an address. */
  isUnsubscribed(tenant: string, address: string, list: string | null, now: number): boolean {
    return this.#index.find({ tenant, address, stream: 'batch', list }, now) !== undefined;
  }

  /** Resolves when Kafka has it and who did it. */
  async add(suppression: Suppression): Promise<void> {
    const { tenant, address, list, reason, streams: of, expires_at, author, note, message_id } = suppression;
    const key = suppressionKey(tenant, address, list);
    await Promise.all([
      this.#producer.send('Suppression', topics.suppressions, { key, value: suppression }),
      this.#record({
        ...{ change: 'added', time: suppression.created_at, tenant, address, list },
        ...{ reason, streams: of, expires_at, author, note, message_id },
      }),
    ]);
    applySuppression(this.#index, key, suppression);
  }

  /** Resolves when Kafka has it and who did it. `now`: ms since the epoch. */
  async remove({ tenant, address, list, note }: Removal, now: number): Promise<void> {
    const key = suppressionKey(tenant, address, list);
    await Promise.all([
      this.#producer.sendTombstone(topics.suppressions, key),
      this.#record({
        ...{ change: 'removed', time: now, tenant, address, list, author: 'recipient', note },
        ...{ reason: '', streams: [], expires_at: null, message_id: null },
      }),
    ]);
    applySuppression(this.#index, key, null);
  }

  #record(value: SuppressionChange): Promise<void> {
    return this.#producer.send('SuppressionChange', topics.suppressionChanges, {
      key: suppressionKey(value.tenant, value.address),
      value,
    });
  }
}
