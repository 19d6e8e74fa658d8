/** `millrace events`: the newest events, or with --follow every event as it comes. */

import { topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';
import type { CommandContext } from '../context.ts';
import { formatMs, timeOfDay } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { momentFlag, numberFlag, timeFlag } from '../flags.ts';
import { withRecords } from '../kafka-session.ts';
import { paintedKind, placeOf, replyOf } from '../life.ts';
import { followEvents } from '../message-events.ts';
import { tooLateFor, within } from '../patience.ts';
import { printable } from '../printable.ts';
import type { Terminal } from '../terminal.ts';

export interface EventsFlags {
  readonly follow?: boolean;
  readonly since?: string;
  readonly limit?: string;
  readonly timeout: string;
  readonly kind: readonly string[];
  readonly stream?: string;
  readonly isp?: string;
  readonly to?: string;
  readonly tenant?: string;
  readonly campaign?: string;
  readonly category?: string;
  readonly tag?: string;
  readonly message?: string;
}

const defaultSince = '1h';
const defaultLimit = 20;

/** Ends with --follow at Ctrl-C or after --limit events. */
export async function events(context: CommandContext, flags: EventsFlags): Promise<Ending> {
  const wanted = filterOf(flags);
  const limit = flags.limit === undefined ? undefined : numberFlag('--limit', flags.limit, 1);
  const timeoutMs = timeFlag('--timeout', flags.timeout);
  const since = flags.since ?? (flags.follow ? undefined : defaultSince);
  const from = since === undefined ? 'latest' : momentFlag('--since', since, context.now());
  const key = flags.message === undefined ? {} : { key: flags.message.toLowerCase() };
  await withRecords(context, async (kafka) => {
    if (flags.follow) return follow(context, kafka, { from, ...key }, wanted, limit);
    const found = await newest(
      context,
      kafka,
      { from, ...key, timeoutMs, limit: limit ?? defaultLimit },
      wanted,
    );
    for (const event of found) show(context, event);
  });
  return 'ok';
}

/** Whether an event is one that the flags ask for. */
export function filterOf(flags: EventsFlags): (event: MessageEvent) => boolean {
  const to = flags.to?.toLowerCase();
  return (event) =>
    (flags.kind.length === 0 || flags.kind.includes(event.kind)) &&
    (flags.stream === undefined || event.stream === flags.stream) &&
    (flags.isp === undefined || event.isp === flags.isp) &&
    (to === undefined || matchesRecipient(event.recipient.toLowerCase(), to)) &&
    (flags.tenant === undefined || event.tenant === flags.tenant) &&
    (flags.campaign === undefined || event.campaign === flags.campaign) &&
    (flags.category === undefined || event.category === flags.category) &&
    (flags.tag === undefined || event.tags.includes(flags.tag)) &&
    (flags.message === undefined || event.message_id === flags.message.toLowerCase());
}

/** An address, or `@domain`. */
const matchesRecipient = (recipient: string, wanted: string): boolean =>
  wanted.startsWith('@') ? recipient.endsWith(wanted) : recipient === wanted;

/** What part of the topic is read. */
interface Place {
  readonly from: 'latest' | number;
  readonly key?: string;
}

async function follow(
  context: CommandContext,
  kafka: Kafka,
  place: Place,
  wanted: (event: MessageEvent) => boolean,
  limit = Number.POSITIVE_INFINITY,
): Promise<void> {
  let shown = 0;
  await followEvents(kafka, {
    ...place,
    signal: context.signal,
    onEvent: (event) => {
      if (!wanted(event)) return false;
      show(context, event);
      shown += 1;
      return shown >= limit;
    },
  });
}

/** The newest of what is wanted, oldest first. */
async function newest(
  context: CommandContext,
  kafka: Kafka,
  { timeoutMs, limit, ...place }: Place & { readonly timeoutMs: number; readonly limit: number },
  wanted: (event: MessageEvent) => boolean,
): Promise<readonly MessageEvent[]> {
  let kept: MessageEvent[] = [];
  const trim = (): void => {
    kept = kept.sort((a, b) => a.time - b.time).slice(-limit);
  };
  const tail = await kafka.tail({
    topic: topics.events,
    record: 'MessageEvent',
    ...place,
    onRecord: ({ value }) => {
      if (!wanted(value)) return;
      kept.push(value);
      if (kept.length >= limit * 2 + 1_000) trim();
    },
  });
  try {
    await within(tail.caughtUp(), timeoutMs, context.signal, () =>
      tooLateFor(
        'The events could not be read',
        formatMs(timeoutMs),
        'Give a longer --timeout, or a later --since.',
      ),
    );
  } finally {
    await tail.stop();
  }
  trim();
  return kept;
}

function show(context: CommandContext, event: MessageEvent): void {
  context.terminal.line(context.json ? JSON.stringify(event) : eventLine(context.terminal, event));
}

/** One event in one line, its columns under each other. */
export function eventLine(terminal: Pick<Terminal, 'paint'>, event: MessageEvent): string {
  const kind = paintedKind(terminal, event.kind) + ' '.repeat(Math.max(0, 10 - event.kind.length));
  const latency = event.latency_ms === null ? '' : `(${formatMs(event.latency_ms)})`;
  return [
    terminal.paint('gray', timeOfDay(event.time)),
    kind,
    (event.stream ?? '').padEnd(8),
    printable(event.recipient).padEnd(28),
    [placeOf(event), replyOf(event), latency].filter(Boolean).join('  '),
    terminal.paint('gray', event.message_id),
  ].join('  ');
}
