/** How much was delivered lately, by source: counted in mail.events. */
import { topics } from '@millrace/core';
import type { CommandContext } from './context.ts';
import { formatMs } from './duration.ts';
import { withRecords } from './kafka-session.ts';
import { tooLateFor, within } from './patience.ts';

const dayMs = 86_400_000;

/** Deliveries of the last 24 hours by source. Throws CliError when reading takes longer than `timeoutMs`. */
export const deliveredToday = (
  context: CommandContext,
  timeoutMs: number,
): Promise<ReadonlyMap<string, number>> =>
  withRecords(context, async (kafka) => {
    const from = context.now() - dayMs;
    const counts = new Map<string, number>();
    const tail = await kafka.tail({
      topic: topics.events,
      record: 'MessageEvent',
      from,
      onRecord: ({ value: { kind, source, time } }) => {
        if (kind === 'delivered' && source !== null && time >= from)
          counts.set(source, (counts.get(source) ?? 0) + 1);
      },
    });
    try {
      await within(tail.caughtUp(), timeoutMs, context.signal, () =>
        tooLateFor(
          'The events of the last day could not be read',
          formatMs(timeoutMs),
          'Give a longer --timeout, or say the volume: --volume MAILS_A_DAY.',
        ),
      );
    } finally {
      await tail.stop();
    }
    return counts;
  });
