import { localSources } from '../../../infra/pipeline/addresses.ts';
import type { Bed } from '../bed.ts';
import { plainMail } from '../content.ts';
import { type MailToSubmit, submitBatch } from '../load/http-load.ts';
import { mostWithin, ratePerSecond } from '../sliding-window.ts';
import { type Study, scaled } from './scenario.ts';

const limitPerSecond = 100;
const burst = 10;
const connectionLimit = 5;
const workerCounts = [1, 4, 8];

/** From the first mail on, until the workers have shared out connections and tokens: not part of the rate. */
const settleSeconds = 2;
/** Mails beyond those that are counted, so that the lane never runs dry. */
const spareSeconds = 3;

const isp = 'gmail';
const { address } = localSources.batch[0];

/** One row, as the sandbox counted. */
export interface ShapingRun {
  readonly workers: number;
  readonly limitPerSecond: number;
  readonly burst: number;
  /** Over the whole time, without the beginning. */
  readonly ratePerSecond: number;
  /** Most mails within any second, the beginning included. */
  readonly worstSecond: number;
  readonly connectionLimit: number;
  /** Most open at once, the beginning included. */
  readonly maxConnections: number;
}

/** More is queued than may go, so the limit is all that holds it back. */
export const shaping: Study = {
  name: 'shaping',
  what: `one lane of ${limitPerSecond} mails a second and ${connectionLimit} connections, kept by ${workerCounts.join(', ')} workers together for 60 s`,
  bed: {
    shaping: {
      default: { tls: 'disabled' },
      isps: {
        [isp]: {
          streams: {
            batch: {
              connection_limit: connectionLimit,
              max_message_rate: `${limitPerSecond}/s`,
              burst,
              // Short enough that connections go from worker to worker all the time.
              max_deliveries_per_connection: 50,
            },
          },
        },
      },
    },
    // One for each worker.
    partitions: Math.max(...workerCounts),
    oneSource: true,
  },
  peers: false,
  async study(bed, scale, progress) {
    const seconds = scaled(60, scale);
    const runs: ShapingRun[] = [];
    let working = 1;
    for (const workers of workerCounts) {
      if (workers > working) progress(`starting ${workers - working} more delivery workers`);
      await Promise.all(Array.from({ length: workers - working }, () => bed.pipeline.addWorker('batch')));
      working = workers;
      progress(`${workers} workers: ${seconds} s`);
      runs.push(await runWith(bed, workers, seconds));
    }
    return { lines: tableOf(runs), results: { runs } };
  },
};

async function runWith({ pipeline, sink }: Bed, workers: number, seconds: number): Promise<ShapingRun> {
  await sink.clear();
  const count = limitPerSecond * (settleSeconds + seconds + spareSeconds);
  await submitBatch(pipeline.endpoints, mails(`shaping-${workers}`, count));
  const accepted = await sink.until(count);
  if (accepted < count) throw new Error(`${accepted} of ${count} mails arrived`);
  const times = (await sink.arrivals()).map(({ at }) => at);
  const settledAt = (times[0] ?? 0) + settleSeconds * 1_000;
  return {
    workers,
    limitPerSecond,
    burst,
    ratePerSecond: Number(ratePerSecond(times, settledAt, seconds).toFixed(2)),
    worstSecond: mostWithin(times, 1_000),
    connectionLimit,
    maxConnections: await sink.mostConnections(isp, address),
  };
}

function* mails(name: string, count: number): Generator<MailToSubmit, undefined> {
  for (let number = 0; number < count; number += 1) yield plainMail(`${name}-${number}@gmail.com`, number);
}

const tableOf = (runs: readonly ShapingRun[]): readonly string[] => [
  'workers  limit/s  reached/s  of the limit  burst  worst second  connections allowed  most open',
  ...runs.map((run) =>
    [
      String(run.workers).padStart(7),
      String(run.limitPerSecond).padStart(7),
      run.ratePerSecond.toFixed(2).padStart(9),
      `${((100 * run.ratePerSecond) / run.limitPerSecond).toFixed(1)} %`.padStart(12),
      String(run.burst).padStart(5),
      String(run.worstSecond).padStart(12),
      String(run.connectionLimit).padStart(19),
      String(run.maxConnections).padStart(9),
    ].join('  '),
  ),
];
