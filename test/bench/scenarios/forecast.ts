/** What `millrace forecast` says of a queue when all of it waits, against when the queue was empty. */
import { Readable } from 'node:stream';
import { run } from '@millrace/cli';
import type { Stream } from '@millrace/core';
import type { Pipeline } from '../../../infra/pipeline/pipeline.ts';
import type { Bed } from '../bed.ts';
import { plainMail } from '../content.ts';
import { type MailToSubmit, submitBatch } from '../load/http-load.ts';
import { rounded } from '../rounded.ts';
import { type Study, scaled } from './scenario.ts';

interface Queued {
  readonly stream: Stream;
  readonly isp: string;
  readonly domains: readonly string[];
  readonly mails: number;
}

/** 20,000 in all; of the limits below, each takes between 90 and 140 s, and all together 190 a second. */
const queues: readonly Queued[] = [
  { stream: 'batch', isp: 'gmail', domains: ['gmail.com'], mails: 6_000 },
  { stream: 'batch', isp: 'yahoo', domains: ['yahoo.com'], mails: 5_400 },
  { stream: 'batch', isp: 'outlook', domains: ['outlook.com'], mails: 4_000 },
  { stream: 'batch', isp: 'apple', domains: ['icloud.com'], mails: 1_800 },
  { stream: 'batch', isp: 'other', domains: ['tail-01.test', 'tail-02.test', 'tail-03.test'], mails: 1_800 },
  { stream: 'realtime', isp: 'gmail', domains: ['gmail.com'], mails: 1_000 },
];

/** Of each of the stream's two sources. */
const shaping = {
  default: { tls: 'disabled', connection_limit: 5 },
  isps: {
    gmail: { streams: { batch: { max_message_rate: '30/s' }, realtime: { max_message_rate: '5/s' } } },
    // One connection is enough, as they all show.
    yahoo: { max_message_rate: '20/s', connection_limit: 1 },
    // Behind latency these two are held by their connections, so that the measured pace decides.
    outlook: { connection_limit: 2 },
    apple: { connection_limit: 1, max_deliveries_per_connection: 20 },
    other: { max_message_rate: '3/s' },
  },
};
const latencies: Readonly<Record<string, object>> = {
  outlook: { latency: { after_dot_ms: 100 } },
  apple: { latency: { connect_ms: 200, after_dot_ms: 100 } },
};

/** How long paces are measured: what the command does by itself. */
const measure = '5s';

export interface ForecastRun {
  readonly stream: string;
  readonly isp: string;
  /** When the forecast was made. */
  readonly waiting: number;
  /** From the forecast on. */
  readonly foretoldSeconds: number;
  readonly realSeconds: number;
  /** Negative: it took longer than foretold. */
  readonly errorPercent: number;
}

/** Everything is queued before the forecast is made, and nothing is refused. */
export const forecast: Study = {
  name: 'forecast',
  what: `when ${queues.reduce((sum, { mails }) => sum + mails, 0).toLocaleString('en')} queued messages to ${queues.length} providers and streams will be out: foretold and real`,
  bed: { shaping, batchWorkers: 2 },
  peers: false,
  async study(bed, scale, progress) {
    const { pipeline, sink } = bed;
    for (const [isp, behaviour] of Object.entries(latencies)) await sink.behave(isp, behaviour);
    const expected = queues.reduce((sum, { mails }) => sum + scaled(mails, scale), 0);
    await submitBatch(pipeline.endpoints, mixed(scale));
    progress(`${expected} messages are taken in`);
    // Paces that are measured while the machine routes are not those of the queue.
    for (;;) if ((await ask(pipeline, '1ms')).requests === 0) break;
    const foretold = await ask(pipeline, measure);
    progress(`forecast of ${foretold.forecasts.length} queues: ${await sink.accepted()} mails are out`);
    const accepted = await sink.until(expected);
    if (accepted < expected) throw new Error(`${accepted} of ${expected} mails arrived`);
    const runs = compare(foretold, await lastArrivals(bed));
    return { lines: runs.map(lineOf), results: { messages: expected, runs } };
  },
};

/** The queues take turns, each as often as it is long. */
function* mixed(scale: number): Generator<MailToSubmit, undefined> {
  const left = queues.map((queue) => ({ queue, mails: scaled(queue.mails, scale), sent: 0 }));
  for (;;) {
    const next = left.reduce((a, b) => (b.sent / b.mails < a.sent / a.mails ? b : a));
    if (next.sent === next.mails) return;
    const { stream, isp, domains } = next.queue;
    const to = `${stream}-${isp}-${next.sent}@${domains[next.sent % domains.length]}`;
    const { body } = plainMail(to, next.sent);
    next.sent += 1;
    yield { to, body: { ...body, stream } };
  }
}

/** What the command prints with `--json`. */
export interface Foretold {
  /** ms since the epoch. */
  readonly at: number;
  readonly requests: number;
  readonly forecasts: readonly {
    readonly stream: string;
    readonly isp: string;
    readonly waiting: number;
    readonly empty_at: number | null;
  }[];
}

async function ask({ configurationFile, endpoints }: Pipeline, measuredFor: string): Promise<Foretold> {
  let [out, problems] = ['', ''];
  const code = await run(['--json', 'forecast', '--measure', measuredFor], {
    terminal: {
      line: (text = '') => {
        out += `${text}\n`;
      },
      problem: (text) => {
        problems += `${text}\n`;
      },
      paint: (_colour, text) => text,
    },
    stdin: Readable.from([]),
    cwd: process.cwd(),
    env: {
      MILLRACE_CONFIG: configurationFile,
      KAFKA_BROKERS: endpoints.kafka,
      SCHEMA_REGISTRY_URL: endpoints.registry,
      REDIS_URL: endpoints.redis,
    },
    now: Date.now,
    signal: new AbortController().signal,
  });
  if (code !== 0) throw new Error(`millrace forecast: ${problems}`);
  return JSON.parse(out);
}

/** When each queue's last mail came, ms since the epoch, by `stream/isp`. */
async function lastArrivals({ sink }: Bed): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>();
  for (const { at, to } of await sink.arrivals()) {
    const [stream = '', isp = ''] = to.split('-');
    const key = `${stream}/${isp}`;
    last.set(key, Math.max(last.get(key) ?? 0, at));
  }
  return last;
}

/** Each queue, and all of them. `last`: when its last mail came. */
export function compare(
  { at, forecasts }: Foretold,
  last: ReadonlyMap<string, number>,
): readonly ForecastRun[] {
  const row = (stream: string, isp: string, waiting: number, foretoldAt: number, realAt: number) => ({
    ...{ stream, isp, waiting },
    foretoldSeconds: rounded((foretoldAt - at) / 1_000, 1),
    realSeconds: rounded((realAt - at) / 1_000, 1),
    errorPercent: rounded(100 * ((foretoldAt - at) / (realAt - at) - 1), 1),
  });
  const never = Number.POSITIVE_INFINITY;
  const rows = forecasts.map(({ stream, isp, waiting, empty_at: emptyAt }) =>
    row(stream, isp, waiting, emptyAt ?? never, last.get(`${stream}/${isp}`) ?? never),
  );
  const all = row(
    'all',
    'all',
    forecasts.reduce((sum, { waiting }) => sum + waiting, 0),
    Math.max(...forecasts.map(({ empty_at: emptyAt }) => emptyAt ?? never)),
    Math.max(...last.values()),
  );
  return [...rows, all];
}

const lineOf = ({ stream, isp, waiting, foretoldSeconds, realSeconds, errorPercent }: ForecastRun): string =>
  `${`${stream}/${isp}`.padEnd(16)} ${String(waiting).padStart(6)} waiting: ${foretoldSeconds.toFixed(1).padStart(6)} s foretold, ${realSeconds.toFixed(1).padStart(6)} s real, ${errorPercent > 0 ? '+' : ''}${errorPercent.toFixed(1)} %`;
