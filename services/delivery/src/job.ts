/** One message in this worker's hands. */
import type { MessageId } from '@millrace/core';
import type { Held } from '@millrace/kafka';
import type { PreparedMessage } from '@millrace/message';
import type { DeliveryTask } from '@millrace/schemas';
import type { DeliverySpan } from './spans.ts';

export interface Job {
  readonly id: MessageId;
  readonly held: Held<DeliveryTask>;
  /** When it came into this worker, ms since the epoch. */
  readonly takenAt: number;
  readonly span: DeliverySpan;
  /** Rendered and signed; undefined before that and after it was sent. */
  mail: PreparedMessage | undefined;
  /** The network has all of it: once it is answered, nobody reads its bytes any more. */
  taken: boolean;
  /** Begun in the journal ahead of its session, and not given to one yet. */
  claimed: boolean;
  /** It turned out that a copy of this record was delivered. */
  sentBefore: boolean;
  /** How often it went back into its queue because a connection that others had used was gone. */
  returns: number;
}

/** Not to be sent again when it may have arrived. */
export const isAtMostOnce = (job: Job): boolean => job.held.value.guarantee === 'at_most_once';

/** Encoded size of the record, and what its mail will need beside it: an estimate for the budget of what is prepared. */
export const memoryOf = ({ held }: Job): number => held.sizeBytes * 2 + 16_384;
