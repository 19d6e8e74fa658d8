/** `millrace trace MESSAGE_ID`: everything that happened to a message. */
import { isMessageId, type MessageId } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { MessageEvent } from '@millrace/schemas';
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { formatMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { momentFlag, timeFlag } from '../flags.ts';
import { withRecords } from '../kafka-session.ts';
import { type Life, lifeOf, showLife } from '../life.ts';
import { followEvents, isFinal, readLife, scanStart } from '../message-events.ts';
import { tooLateFor } from '../patience.ts';

export interface TraceFlags {
  readonly since?: string;
  readonly timeout: string;
  readonly wait?: boolean;
}

/** Throws CliError: not_found where mail.events has nothing of it. */
export async function trace(context: CommandContext, text: string, flags: TraceFlags): Promise<Ending> {
  const id = text.toLowerCase();
  if (!isMessageId(id))
    throw usageError(`"${text}" is not a message id: a UUIDv7, as millrace send shows it.`);
  const from =
    flags.since === undefined
      ? scanStart(id, context.now())
      : momentFlag('--since', flags.since, context.now());
  const timeoutMs = timeFlag('--timeout', flags.timeout);
  const life = await withRecords(context, (kafka) =>
    flags.wait
      ? finishedLife(kafka, id, { from, timeoutMs, signal: context.signal })
      : lifeUpToNow(kafka, id, { from, timeoutMs, signal: context.signal }),
  );
  if (context.json) context.terminal.line(JSON.stringify(life));
  else showLife(context.terminal, life);
  return 'ok';
}

interface Limits {
  readonly from: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function lifeUpToNow(kafka: Kafka, id: MessageId, limits: Limits): Promise<Life> {
  const events = await readLife(kafka, id, limits);
  if (events.length > 0) return lifeOf(events);
  throw new CliError(
    'not_found',
    'ERR_MESSAGE_NOT_FOUND',
    `There is no event of ${id} since ${new Date(limits.from).toISOString()}.`,
    {
      hint: 'Is it an id of this installation? A message that was just accepted has its first event within a second.',
    },
  );
}

/** Throws CliError (timed_out) where it does not end in time. */
async function finishedLife(kafka: Kafka, id: MessageId, limits: Limits): Promise<Life> {
  const events = new Map<string, MessageEvent>();
  const finished = await followEvents(kafka, {
    ...limits,
    key: id,
    onEvent: (event) => {
      if (!events.has(event.event_id)) events.set(event.event_id, event);
      return isFinal(event);
    },
  });
  if (finished) return lifeOf([...events.values()].sort((a, b) => a.time - b.time));
  throw tooLateFor(
    `${id} did not end`,
    formatMs(limits.timeoutMs),
    `millrace trace ${id} shows where it is.`,
  );
}
