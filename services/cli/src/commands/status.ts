/** `millrace status`: what waits where, and what the delivery workers do. */
import { delayTiers, delayTopic, isps, type Stream, shardTopic, streams, topics } from '@millrace/core';
import type { Kafka, TopicLag } from '@millrace/kafka';
import type { CommandContext } from '../context.ts';
import type { Ending } from '../exit-codes.ts';
import { withKafka } from '../kafka-session.ts';
import { grouped, tableOf } from '../terminal.ts';

/** What waits in one topic for one group. */
export interface Waiting {
  readonly topic: string;
  /** Records not yet finished. */
  readonly waiting: number;
  readonly partitions: number;
}

export interface StreamStatus {
  readonly stream: Stream;
  /** In all of its shards. */
  readonly waiting: number;
  readonly shards: readonly (Waiting & { readonly isp: string })[];
}

export interface Status {
  /** Requests that the router has not taken yet. */
  readonly requests: number;
  readonly streams: readonly StreamStatus[];
  /** Records that wait for a later try, by tier. */
  readonly delayed: readonly Waiting[];
}

export async function status(context: CommandContext): Promise<Ending> {
  const found = await withKafka(context, readStatus);
  if (context.json) context.terminal.line(JSON.stringify(found));
  else showStatus(context, found);
  return 'ok';
}

/** Asks Kafka how far each group is behind. */
export async function readStatus(kafka: Kafka): Promise<Status> {
  const lagOf = (group: string, names: readonly string[]): Promise<readonly TopicLag[]> =>
    kafka.lag({ groups: [group], topics: names });
  const [requests, delayed, ...ofStreams] = await Promise.all([
    lagOf('router', [topics.requests]),
    lagOf('scheduler', delayTiers.map(delayTopic)),
    ...streams.map((stream) =>
      lagOf(
        `delivery-${stream}`,
        isps.map((isp) => shardTopic(stream, isp)),
      ),
    ),
  ]);
  return {
    requests: requests.reduce((sum, { lag }) => sum + lag, 0),
    streams: streams.map((stream, index) => streamStatus(stream, ofStreams[index] ?? [])),
    delayed: delayTiers.map((tier) => waitingIn(delayTopic(tier), delayed)),
  };
}

function waitingIn(topic: string, lags: readonly TopicLag[]): Waiting {
  const lag = lags.find((one) => one.topic === topic);
  return { topic, waiting: lag?.lag ?? 0, partitions: lag?.partitions.length ?? 0 };
}

function streamStatus(stream: Stream, lags: readonly TopicLag[]): StreamStatus {
  const shards = isps.map((isp) => ({ isp, ...waitingIn(shardTopic(stream, isp), lags) }));
  return { stream, waiting: shards.reduce((sum, { waiting }) => sum + waiting, 0), shards };
}

function showStatus({ terminal }: CommandContext, found: Status): void {
  const delayed = found.delayed.reduce((sum, { waiting }) => sum + waiting, 0);
  const rows = isps.map((isp) => [
    isp,
    ...found.streams.map(({ shards }) => count(shards.find((shard) => shard.isp === isp)?.waiting ?? 0)),
  ]);
  const totals = found.streams.map(({ waiting }) => grouped(waiting));
  terminal.line(
    tableOf(
      terminal,
      ['WAITING FOR', ...found.streams.map(({ stream }) => stream.toUpperCase())],
      [...rows, [terminal.paint('bold', 'all'), ...totals]],
      [1, 2],
    ),
  );
  terminal.line();
  terminal.line(`${grouped(found.requests)} requests wait for the router`);
  const tiers = found.delayed
    .filter(({ waiting }) => waiting > 0)
    .map(({ topic, waiting }) => `${grouped(waiting)} in ${topic}`);
  terminal.line(
    `${grouped(delayed)} messages wait for a later try${tiers.length > 0 ? `: ${tiers.join(', ')}` : ''}`,
  );
}

const count = (value: number): string => (value === 0 ? '·' : grouped(value));
