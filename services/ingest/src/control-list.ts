/** The controls that are in force, as this process knows them: followed from mail.control. */
import {
  type Control,
  type ControlKind,
  type ControlScope,
  ControlTable,
  controlKey,
  topics,
} from '@millrace/core';
import type { FollowedTable, Kafka } from '@millrace/kafka';
import type { ControlState } from '@millrace/schemas';

export class ControlList {
  readonly #table = new ControlTable();

  /** Begins to follow the topic. */
  follow(kafka: Kafka): Promise<FollowedTable> {
    return kafka.followedTable({
      topic: topics.control,
      record: 'ControlState',
      onChange: (key, record) => this.apply(key, record),
    });
  }

  /** Takes a change in; also right after it was written. */
  apply(key: string, record: ControlState | null): void {
    this.#table.apply(key, record);
  }

  /** The oldest first. `now`: ms since the epoch. */
  list(now: number): readonly Control[] {
    return [...this.#table.list(now)].sort((a, b) => a.setAt - b.setAt || (a.key < b.key ? -1 : 1));
  }

  /** Where it is in force at `now`. */
  find(kind: ControlKind, scope: ControlScope, now: number): Control | undefined {
    const control = this.#table.get(controlKey(kind, scope));
    return control === undefined || (control.until !== null && control.until <= now) ? undefined : control;
  }
}
