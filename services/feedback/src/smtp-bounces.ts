/** Recipients that a provider refused for good in the session itself: they are suppressed as those of a later report are. */
import { recipientCategories, topics } from '@millrace/core';
import { type Held, type Kafka, KafkaClosedError, type WindowedConsumer } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';
import { softRecipientCategories, spelled, suppressionOf } from './decide.ts';
import type { FeedbackTally } from './feedback-tally.ts';
import type { SoftBounces } from './soft-bounces.ts';
import type { SuppressionBook } from './suppression-book.ts';

export interface SmtpBouncesParts {
  readonly kafka: Kafka;
  readonly book: SuppressionBook;
  readonly soft: SoftBounces;
  readonly softSuppressMs: number;
  readonly tally: FeedbackTally;
  readonly log: { warn(details: object, text: string): void };
  readonly now: () => number;
}

/** Nothing here is urgent to the millisecond, and every event of every message passes: few, large fetches. */
const fetch = { minBytes: 262_144, maxWaitMs: 500 };

const isRecipients = (category: string | null): boolean =>
  recipientCategories.has(category as never) || softRecipientCategories.has(category ?? '');

/** Reads mail.events in a group of its own. */
export const startSmtpBounces = (parts: SmtpBouncesParts): Promise<WindowedConsumer> => {
  const take = async (held: Held<MessageEvent>): Promise<void> => {
    const event = held.value;
    const address = spelled(event.recipient);
    if (address === undefined) return held.complete();
    const hard = event.kind === 'bounced' && recipientCategories.has(event.bounce_category as never);
    const { tenant, message_id: messageId, text: note } = event;
    const wanted = { tenant, address, reason: 'bounce', streams: [], list: null, messageId, note } as const;
    try {
      const tooMany = hard || (await parts.soft.add(tenant, address, messageId, event.time));
      const expiresAt = hard ? null : event.time + parts.softSuppressMs;
      if (tooMany && (expiresAt ?? Infinity) > parts.now() && !parts.book.covers(wanted, parts.now())) {
        parts.tally.suppressed('bounce');
        await parts.book.add(suppressionOf(wanted, event.time, expiresAt));
      }
    } catch (error) {
      if (error instanceof KafkaClosedError || held.lost.aborted) return;
      // Without Redis a soft bounce is not counted: the next one is.
      parts.log.warn({ err: error, message: messageId }, 'A bounce was not counted');
    }
    held.complete();
  };
  return parts.kafka.windowedConsumer({
    group: 'feedback-bounces',
    topics: [topics.events],
    record: 'MessageEvent',
    only: { field: 'kind', values: new Set(['bounced', 'expired']) },
    fetch,
    startAt: 'latest',
    commitIntervalMs: 2_000,
    handler: (held) => {
      // Without a try it was DNS that said so: it is asked again for the next message.
      const { kind, attempt, bounce_category: category } = held.value;
      if ((kind === 'bounced' || kind === 'expired') && attempt > 0 && isRecipients(category))
        return take(held);
      held.complete();
      return undefined;
    },
  });
};
