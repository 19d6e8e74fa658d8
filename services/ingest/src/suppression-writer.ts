/** Writes suppressions: the table that decides, and beside it who changed it, when and why. */
import { suppressionKey, topics } from '@millrace/core';
import type { Suppression, SuppressionChange } from '@millrace/schemas';
import { asProblem, type Spine } from './spine.ts';
import type { SuppressionList } from './suppression-list.ts';
import { additionOf } from './suppression-order.ts';

/** Which entry, by whom and why it goes. */
export interface Removal {
  readonly tenant: string;
  readonly address: string;
  readonly list: string | null;
  readonly author: string;
  readonly note: string | null;
}

export class SuppressionWriter {
  readonly #spine: Spine;
  readonly #list: SuppressionList;

  constructor(spine: Spine, list: SuppressionList) {
    this.#spine = spine;
    this.#list = list;
  }

  /** Resolves when Kafka has both. Throws ProblemError. */
  async add(suppression: Suppression): Promise<void> {
    const { tenant, address, list } = suppression;
    const key = suppressionKey(tenant, address, list);
    const producer = this.#producer();
    await Promise.all([
      producer.send('Suppression', topics.suppressions, { key, value: suppression }),
      this.#record(additionOf(suppression)),
    ]).catch(failed);
    this.#list.apply(key, suppression);
  }

  /** Resolves when Kafka has both. Throws ProblemError. `now`: ms since the epoch. */
  async remove({ tenant, address, list, author, note }: Removal, now: number): Promise<void> {
    const key = suppressionKey(tenant, address, list);
    const change: SuppressionChange = {
      ...{ change: 'removed', time: now, tenant, address, list, author, note },
      ...{ reason: '', streams: [], expires_at: null, message_id: null },
    };
    await Promise.all([this.#producer().sendTombstone(topics.suppressions, key), this.#record(change)]).catch(
      failed,
    );
    this.#list.apply(key, null);
  }

  /** What operators and imports write is not urgent: a realtime request waits behind none of it. */
  #producer() {
    return this.#spine.producer('batch');
  }

  #record(value: SuppressionChange): Promise<void> {
    return this.#producer().send('SuppressionChange', topics.suppressionChanges, {
      key: suppressionKey(value.tenant, value.address),
      value,
    });
  }
}

const failed = (error: unknown): never => {
  throw asProblem(error);
};
