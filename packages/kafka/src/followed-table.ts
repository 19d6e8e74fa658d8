/** A compacted topic read as a table: from its start, then on and on, by every process for itself. */
import type { RecordName, Records } from '@millrace/schemas';

export interface FollowedTableOptions<N extends RecordName> {
  readonly topic: string;
  readonly record: N;
  /** The newest value of a key; null: the key was deleted. Keys are UTF-8. The next one waits for its promise. */
  readonly onChange: (key: string, value: Records[N] | null) => void | Promise<void>;
  /** The first time that the end has been reached. */
  readonly onCaughtUp?: () => void;
}

export interface FollowedTable {
  /** Resolves when everything that was in the topic at start has been applied. */
  caughtUp(): Promise<void>;
  /** Resolves when everything that is in the topic now has been applied. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}
