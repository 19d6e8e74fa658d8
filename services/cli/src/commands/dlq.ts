/** `millrace dlq`: records that could not be processed, and putting them back on their topics. */
import { deadLetterTopic, topics } from '@millrace/core';
import type { Codec, DeadLetterCount, Kafka, ReadLetter, Replay } from '@millrace/kafka';
import type { RecordName } from '@millrace/schemas';
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime, formatMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { numberFlag, timeFlag } from '../flags.ts';
import { withKafka, withRecords } from '../kafka-session.ts';
import { tooLateFor, within } from '../patience.ts';
import { printable } from '../printable.ts';
import { grouped, tableOf } from '../terminal.ts';

export interface DlqFlags {
  readonly timeout: string;
}
export interface DlqShowFlags extends DlqFlags {
  readonly limit: string;
}
export interface DlqReplayFlags {
  readonly offset?: string;
  readonly all?: boolean;
  readonly again?: boolean;
  readonly dryRun?: boolean;
}

/** Topics that keep dead letters, with how many. */
export async function listDeadLetters(context: CommandContext, flags: DlqFlags): Promise<Ending> {
  const counts = await withKafka(context, (kafka) => inTime(context, flags, kafka.deadLetters.list()));
  const { terminal } = context;
  if (context.json) {
    terminal.line(JSON.stringify(counts.map((count) => ({ ...count, waiting: waitingIn(count) }))));
  } else if (counts.length === 0) {
    terminal.line('No dead letters.');
  } else {
    const rows = counts.map((count) => [
      count.topic,
      ...[waitingIn(count), count.replayed, count.begun].map(grouped),
    ]);
    terminal.line(tableOf(terminal, ['TOPIC', 'WAITING', 'REPLAYED', 'CUT OFF'], rows, [1, 2, 3]));
  }
  return 'ok';
}

const waitingIn = ({ letters, replayed, begun }: DeadLetterCount): number => letters - replayed - begun;

/** The newest letters of a topic, oldest first. */
export async function showDeadLetters(
  context: CommandContext,
  name: string,
  flags: DlqShowFlags,
): Promise<Ending> {
  const topic = topicNamed(name);
  const limit = numberFlag('--limit', flags.limit, 1);
  await withRecords(context, async (kafka) => {
    await refuseUnknown(kafka, topic);
    let letters: ReadLetter[] = [];
    const reading = kafka.deadLetters.read(topic, (letter) => {
      letters.push(letter);
      if (letters.length >= 2 * limit + 100) letters = letters.slice(-limit);
    });
    await inTime(context, flags, reading);
    for (const letter of letters.slice(-limit)) {
      const decoded = await decodedValue(kafka.codec, letter);
      if (context.json) context.terminal.line(JSON.stringify(jsonOf(letter, decoded), asText));
      else showLetter(context, letter, decoded);
    }
    if (letters.length === 0 && !context.json) context.terminal.line(`${topic} keeps no dead letters.`);
  });
  return 'ok';
}

/** Puts letters back on their topics. Ends as failed when one that was selected was not. */
export async function replayDeadLetters(
  context: CommandContext,
  name: string,
  flags: DlqReplayFlags,
): Promise<Ending> {
  const topic = topicNamed(name);
  if ((flags.offset === undefined) === (flags.all !== true))
    throw usageError(
      'Say which: --offset 4, --offset 4..9 or --all.',
      `millrace dlq show ${topic} lists them.`,
    );
  const range = flags.offset === undefined ? {} : rangeFlag(flags.offset);
  const dryRun = flags.dryRun === true;
  const replay = await withKafka(context, async (kafka) => {
    await refuseUnknown(kafka, topic);
    const { signal } = context;
    return kafka.deadLetters.replay(topic, { ...range, again: flags.again === true, dryRun, signal });
  });
  if (context.json) context.terminal.line(JSON.stringify({ topic, dryRun, ...replay }));
  else for (const line of linesOf(replay, dryRun)) context.terminal.line(line);
  return replay.notSent + replay.unknown > 0 ? 'failed' : 'ok';
}

function linesOf(replay: Replay, dryRun: boolean): readonly string[] {
  const { replayed, byTopic, before, begun, notSent, unknown } = replay;
  const where = Object.entries(byTopic).map(([topic, count]) => `${grouped(count)} to ${topic}`);
  const lines = [
    `${grouped(replayed)} ${dryRun ? 'would be replayed' : 'replayed'}${where.length > 0 ? `: ${where.join(', ')}` : ''}`,
  ];
  if (before > 0) lines.push(`${grouped(before)} left: replayed before. --again replays them once more.`);
  if (begun > 0)
    lines.push(
      `${grouped(begun)} left: a replay goes on with them, or was cut off and may have sent them. --again replays them.`,
    );
  if (notSent > 0)
    lines.push(`${grouped(notSent)} not sent: interrupted, or refused by Kafka. They wait as before.`);
  if (unknown > 0)
    lines.push(
      `${grouped(unknown)} without an answer of Kafka: they may be on their topic. --again replays them.`,
    );
  return lines;
}

/** `mail.requests` and `mail.requests.dlq` mean the same. */
const topicNamed = (name: string): string =>
  name.endsWith(deadLetterTopic('')) ? name : deadLetterTopic(name);

/** `4` or `4..9`, both ends included. */
function rangeFlag(text: string): { readonly from: number; readonly to: number } {
  const match = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (match === null || to < from)
    throw usageError(`--offset "${text}" is neither an offset such as 4 nor a range such as 4..9.`);
  return { from, to };
}

async function refuseUnknown(kafka: Kafka, topic: string): Promise<void> {
  const { topics: present } = await kafka.clusterFacts();
  if (present.includes(topic)) return;
  throw new CliError('not_found', 'ERR_NO_TOPIC', `There is no topic ${topic}.`, {
    hint: 'millrace dlq lists the topics that keep dead letters.',
  });
}

function inTime<T>(context: CommandContext, flags: DlqFlags, work: Promise<T>): Promise<T> {
  const ms = timeFlag('--timeout', flags.timeout);
  return within(work, ms, context.signal, () =>
    tooLateFor('The dead letters could not be read', formatMs(ms), 'Give a longer --timeout.'),
  );
}

type Decoded = { readonly record: RecordName; readonly value: unknown } | { readonly problem: string };

/** How long the registry is asked for a schema that is not known. */
const decodeMs = 5_000;

async function decodedValue(codec: Codec, { value, origin }: ReadLetter): Promise<Decoded> {
  const record = recordIn(origin.topic);
  try {
    return { record, value: await codec.decode(record, value, AbortSignal.timeout(decodeMs)) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** What a topic's values are. */
function recordIn(topic: string): RecordName {
  if (topic.startsWith(topics.requests)) return 'SendRequest';
  if (topic === topics.events) return 'MessageEvent';
  return topic.startsWith('mail.delay.') ? 'DelayedTask' : 'DeliveryTask';
}

const isJsonBuffer = (value: unknown): value is { readonly data: readonly number[] } =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  value.type === 'Buffer' &&
  'data' in value &&
  Array.isArray(value.data);

/** Bytes within a value as base64. */
const asText = (_name: string, value: unknown): unknown =>
  isJsonBuffer(value) ? Buffer.from(value.data).toString('base64') : value;

function jsonOf(letter: ReadLetter, decoded: Decoded): object {
  const { offset, state, reason, group, time, origin, key, value, headers } = letter;
  return {
    ...{ offset, state, reason, group, time, origin, key: key?.toString() ?? null },
    headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString()])),
    value_base64: value.toString('base64'),
    ...('problem' in decoded ? { value: null, problem: decoded.problem } : decoded),
  };
}

/** Bytes of a value that does not decode that are shown. */
const shownBytes = 64;

function showLetter({ terminal }: CommandContext, letter: ReadLetter, decoded: Decoded): void {
  const { offset, state, reason, group, time, origin, key, value } = letter;
  const line = (name: string, text: string): void =>
    terminal.line(`  ${terminal.paint('gray', name.padEnd(8))} ${printable(text)}`);
  terminal.line(`${terminal.paint('bold', String(offset))}  ${dateAndTime(time)}  ${state}`);
  line('reason', reason);
  line('group', group);
  line('from', `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}`);
  line('key', key?.toString() ?? '');
  if ('problem' in decoded) {
    line('value', `${value.length} bytes: ${value.subarray(0, shownBytes).toString('latin1')}`);
    line('', decoded.problem);
  } else line(decoded.record, JSON.stringify(decoded.value, asText));
  terminal.line();
}
