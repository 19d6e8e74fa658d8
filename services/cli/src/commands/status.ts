/** `millrace status`: what waits where, and what the delivery workers do. */
import {
  delayTiers,
  delayTopic,
  formatScope,
  isps,
  requestTopic,
  routerGroup,
  type Stream,
  shardTopic,
  streams,
} from '@millrace/core';
import type { Kafka, RetentionAlarm, TopicLag } from '@millrace/kafka';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime, formatMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { withKafka } from '../kafka-session.ts';
import { printable } from '../printable.ts';
import { readControls } from '../shaping-in-force.ts';
import { grouped, type Terminal, tableOf } from '../terminal.ts';
import { type LaneStatus, lanesOf, readWorkerReports } from '../worker-reports.ts';

/** What waits in one topic for one group. */
export interface Waiting {
  readonly topic: string;
  /** Records not yet finished. */
  readonly waiting: number;
  readonly partitions: number;
}

export interface StreamStatus {
  readonly stream: Stream;
  /** Requests that its router has not taken yet. */
  readonly requests: number;
  /** In all of its shards. */
  readonly waiting: number;
  readonly shards: readonly (Waiting & { readonly isp: string })[];
}

export interface WorkerStatus {
  readonly stream: Stream;
  readonly host: string;
  readonly pid: number;
}

export interface Status {
  /** Requests that the routers have not taken yet, of both streams. */
  readonly requests: number;
  readonly streams: readonly StreamStatus[];
  /** Records that wait for a later try, by tier. */
  readonly delayed: readonly Waiting[];
  /** What has used half of its topic's retention and is not finished. */
  readonly overdue: readonly RetentionAlarm[];
  /** Delivery workers that live; null: Redis does not answer. */
  readonly workers: readonly WorkerStatus[] | null;
  /** The busiest of their lanes; null: Redis does not answer. */
  readonly lanes: readonly LaneStatus[] | null;
  /** What is not sent until a time or until it is resumed; null: the controls cannot be read. */
  readonly suspended: readonly SuspendedScope[] | null;
}

export interface SuspendedScope {
  /** As `millrace resume` takes it. */
  readonly scope: string;
  /** null: both. */
  readonly stream: Stream | null;
  readonly reason: string;
  readonly author: string;
  /** ms since the epoch; null: until it is resumed. */
  readonly until: number | null;
}

export async function status(context: CommandContext): Promise<Ending> {
  const { config } = context.installation();
  const [queues, reports, suspended] = await Promise.all([
    withKafka(context, async (kafka) => {
      const [waiting, overdue] = await Promise.all([
        readQueues(kafka),
        kafka.retention(alarmShare, context.now()),
      ]);
      return { ...waiting, overdue };
    }),
    readWorkerReports(config, streams),
    readSuspended(context),
  ]);
  const found: Status = {
    ...queues,
    workers: reports?.map(({ stream, host, pid }) => ({ stream, host, pid })) ?? null,
    lanes: reports === undefined ? null : lanesOf(reports),
    suspended,
  };
  if (context.json) context.terminal.line(JSON.stringify(found));
  else showStatus(context, found);
  return 'ok';
}

/** Without the registry the rest is shown all the same. */
async function readSuspended(context: CommandContext): Promise<readonly SuspendedScope[] | null> {
  try {
    const controls = await readControls(context);
    return controls.list(context.now()).flatMap((control) =>
      control.kind === 'suspension'
        ? [
            {
              scope: formatScope(control.scope),
              stream: control.stream ?? null,
              reason: control.reason,
              author: control.author,
              until: control.until,
            },
          ]
        : [],
    );
  } catch (error) {
    if (error instanceof CliError) return null;
    throw error;
  }
}

const shownSuspensions = 20;

function showSuspended(terminal: Terminal, suspended: Status['suspended']): void {
  if (suspended === null) {
    terminal.line(terminal.paint('yellow', 'The controls cannot be read: what is suspended is not known.'));
    return;
  }
  if (suspended.length === 0) return;
  for (const { scope, stream, reason, author, until } of suspended.slice(0, shownSuspensions)) {
    const what = stream === null ? scope : `${stream} of ${scope}`;
    const end = until === null ? `millrace resume '${scope}'` : dateAndTime(until);
    const text = `${what} is suspended until ${end}, by ${author}: ${reason}`;
    terminal.line(terminal.paint('red', printable(text)));
  }
  if (suspended.length > shownSuspensions)
    terminal.line(`and ${suspended.length - shownSuspensions} more: millrace controls list`);
  terminal.line();
}

/** Of a topic's retention. */
const alarmShare = 0.5;

/** Asks Kafka how far each group is behind. */
export async function readQueues(kafka: Kafka): Promise<Pick<Status, 'requests' | 'streams' | 'delayed'>> {
  const lagOf = (group: string, names: readonly string[]): Promise<readonly TopicLag[]> =>
    kafka.lag({ groups: [group], topics: names });
  const [delayed, ...ofStreams] = await Promise.all([
    lagOf('scheduler', delayTiers.map(delayTopic)),
    ...streams.map(async (stream) => {
      const [requests, shards] = await Promise.all([
        lagOf(routerGroup(stream), [requestTopic(stream)]),
        lagOf(
          `delivery-${stream}`,
          isps.map((isp) => shardTopic(stream, isp)),
        ),
      ]);
      return streamStatus(stream, waitingIn(requestTopic(stream), requests).waiting, shards);
    }),
  ]);
  return {
    requests: ofStreams.reduce((sum, { requests }) => sum + requests, 0),
    streams: ofStreams,
    delayed: delayTiers.map((tier) => waitingIn(delayTopic(tier), delayed)),
  };
}

function waitingIn(topic: string, lags: readonly TopicLag[]): Waiting {
  const lag = lags.find((one) => one.topic === topic);
  return { topic, waiting: lag?.lag ?? 0, partitions: lag?.partitions.length ?? 0 };
}

function streamStatus(stream: Stream, requests: number, lags: readonly TopicLag[]): StreamStatus {
  const shards = isps.map((isp) => ({ isp, ...waitingIn(shardTopic(stream, isp), lags) }));
  return { stream, requests, waiting: shards.reduce((sum, { waiting }) => sum + waiting, 0), shards };
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
  const routers = found.streams.map(({ stream, requests }) => `${grouped(requests)} ${stream}`);
  terminal.line(`Requests that wait for the router: ${routers.join(', ')}`);
  const tiers = found.delayed
    .filter(({ waiting }) => waiting > 0)
    .map(({ topic, waiting }) => `${grouped(waiting)} in ${topic}`);
  terminal.line(
    `${grouped(delayed)} messages wait for a later try${tiers.length > 0 ? `: ${tiers.join(', ')}` : ''}`,
  );
  for (const alarm of found.overdue) terminal.line(terminal.paint('red', overdueLine(alarm)));
  terminal.line();
  showSuspended(terminal, found.suspended);
  showLanes(terminal, found);
}

/** What an alarm of retention says, here and in doctor. */
export function overdueLine({ topic, records, lost, retentionMs }: RetentionAlarm): string {
  const kept = formatMs(retentionMs);
  const gone = lost > 0 ? `; ${grouped(lost)} that were not finished are deleted` : '';
  return `${topic} has ${grouped(records)} unfinished records older than half of the ${kept} that it keeps them${gone}`;
}

const shownLanes = 20;

function showLanes(terminal: Terminal, { workers, lanes }: Status): void {
  if (workers === null || lanes === null) {
    terminal.line(
      terminal.paint('yellow', 'Redis does not answer: what the delivery workers do is not known.'),
    );
    return;
  }
  const counts = streams.map((stream) => {
    const count = workers.filter((worker) => worker.stream === stream).length;
    return count === 0 ? terminal.paint('red', `no worker for ${stream}`) : `${count} for ${stream}`;
  });
  terminal.line(`Delivery workers: ${counts.join(', ')}`);
  if (lanes.length === 0) return;
  terminal.line();
  const rows = lanes
    .slice(0, shownLanes)
    .map((lane) => [
      lane.lane,
      count(lane.waiting),
      `${lane.sessions} of ${lane.connections}`,
      rateOf(lane),
      grouped(lane.sent),
    ]);
  terminal.line(tableOf(terminal, ['LANE', 'WAITING', 'CONNECTIONS', 'RATE', 'SENT'], rows, [1, 2, 3, 4]));
  if (lanes.length > shownLanes) terminal.line(`and ${lanes.length - shownLanes} lanes that have less to do`);
}

/** The limit, and whether it is what holds the lane. */
const rateOf = ({ messages_per_second: rate, throttled }: LaneStatus): string => {
  if (rate === null) return '';
  const limit =
    rate >= 1 || rate === 0 ? `${Math.round(rate * 100) / 100}/s` : `${Math.round(rate * 6_000) / 100}/min`;
  return throttled ? `${limit}, waiting` : limit;
};

const count = (value: number): string => (value === 0 ? '·' : grouped(value));
