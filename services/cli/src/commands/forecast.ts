/** `millrace forecast`: when what waits now will be gone under the limits that hold, and what would change it. */
import { isIsp, isps, isStream, ownDomainOf, streams } from '@millrace/core';
import { didYouMean } from '@millrace/service';
import { usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime, formatMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { timeFlag } from '../flags.ts';
import { withKafka } from '../kafka-session.ts';
import { wayOfNamed } from '../lane-of-domain.ts';
import { lanePaces } from '../lane-pace.ts';
import { situationOf } from '../lane-state.ts';
import {
  domainsAtWork,
  forecastOf,
  lanesOfQueue,
  type NamedDomain,
  type Queue,
  type QueueForecast,
  queueName,
  queuesByDomain,
  sourcesOf,
} from '../queue-forecast.ts';
import { grouped, tableOf } from '../terminal.ts';
import { readQueues } from './status.ts';

export interface ForecastFlags {
  /** How long paces are measured. */
  readonly measure: string;
}

/** `which`: `batch/gmail`, `batch`, `gmail`; undefined: everything that waits. */
export async function forecast(
  context: CommandContext,
  which: string | undefined,
  flags: ForecastFlags,
): Promise<Ending> {
  const wanted = wantedOf(which);
  const measureMs = timeFlag('--measure', flags.measure);
  const { config } = context.installation();
  const situation = await situationOf(context, []);
  const paces = (await lanePaces(context, measureMs)) ?? [];
  const queues = await withKafka(context, readQueues);
  const waiting = queues.streams.flatMap(({ stream, shards }): Queue[] =>
    shards.flatMap(({ isp, waiting: count }) =>
      count > 0 && isIsp(isp) && wanted(stream, isp) ? [{ stream, isp, waiting: count }] : [],
    ),
  );
  const now = context.now();
  const isNamed = (name: string): boolean => ownDomainOf(situation.shaping.shaping, name) !== undefined;
  const domains = await namedDomains(context, domainsAtWork(paces, isNamed));
  const forecasts = waiting
    .flatMap((queue) => queuesByDomain(queue, domains, paces, isIsp))
    .map((queue) => {
      const sources = sourcesOf(config, queue.stream);
      const lanes = lanesOfQueue(queue, sources, paces, (name) => isIsp(name) || isNamed(name));
      return forecastOf(queue, lanes, situation, paces, now);
    });
  const delayed = queues.delayed.reduce((sum, tier) => sum + tier.waiting, 0);
  if (context.json)
    context.terminal.line(JSON.stringify({ at: now, forecasts, requests: queues.requests, delayed }));
  else show(context, forecasts, now, queues.requests + delayed);
  return 'ok';
}

/** Their providers by DNS. A domain that DNS does not tell counts as its provider's mail. */
async function namedDomains(
  context: CommandContext,
  names: readonly string[],
): Promise<readonly NamedDomain[]> {
  const found = await Promise.all(
    names.map(async (name): Promise<NamedDomain[]> => {
      const way = await wayOfNamed(context, name, "Its mail is counted with its provider's.");
      return way === undefined ? [] : [{ name, ...way }];
    }),
  );
  return found.flat();
}

const wantedOf = (which: string | undefined): ((stream: string, isp: string) => boolean) => {
  if (which === undefined) return () => true;
  const parts = which.split('/');
  const wrong = parts.find((part) => !isStream(part) && !isIsp(part));
  if (wrong !== undefined || parts.length > 2)
    throw usageError(
      `"${which}" is neither a stream nor a provider, such as batch/gmail.${didYouMean(wrong ?? '', [...streams, ...isps])}`,
    );
  return (stream, isp) => parts.every((part) => part === stream || part === isp);
};

function show(
  { terminal }: CommandContext,
  forecasts: readonly QueueForecast[],
  now: number,
  elsewhere: number,
): void {
  if (forecasts.length === 0) terminal.line('Nothing waits for a provider.');
  else {
    const inTime = (at: number | null): string => (at === null ? 'never' : formatMs(at - now));
    const rows = forecasts.map((one) => [
      queueName(one),
      grouped(one.waiting),
      one.messages_per_second === null
        ? 'no rate'
        : `${grouped(Math.round(one.messages_per_second * 100) / 100)}/s`,
      grouped(one.connections),
      inTime(one.empty_at),
      one.empty_at === null ? 'when resumed' : dateAndTime(one.empty_at).slice(0, 19),
      inTime(one.with_one_more_source),
      inTime(one.with_twice_the_limits),
    ]);
    const head = [
      'QUEUE',
      'WAITING',
      'RATE',
      'CONNECTIONS',
      'EMPTY IN',
      'AT',
      '+1 SOURCE',
      'TWICE THE LIMITS',
    ];
    terminal.line(tableOf(terminal, head, rows, [1, 2, 3, 4, 6, 7]));
    const supposed = forecasts.filter(
      ({ measured, messages_per_second: rate }) => !measured && rate === null,
    );
    if (supposed.length > 0) {
      const names = supposed.map(queueName).join(', ');
      terminal.line(`Nothing was measured of ${names}: a mail is supposed to take 100 ms there.`);
    }
  }
  if (elsewhere > 0)
    terminal.line(`${grouped(elsewhere)} more wait for the router or for a later try, and are not in this.`);
}
