/** What the delivery workers tell of themselves through Redis. */
import {
  parseWorkerReport,
  type Stream,
  type WorkerReport,
  workerReportKey,
  workersKey,
} from '@millrace/core';
import type { Config } from '@millrace/service';
import { withRedis } from './redis-session.ts';

/** A lane as all of its workers see it together. */
export interface LaneStatus {
  readonly lane: string;
  readonly stream: Stream;
  /** Messages that workers have taken and no session has yet. */
  readonly waiting: number;
  /** Connections open now, and the most that may be. */
  readonly sessions: number;
  readonly connections: number;
  readonly messages_per_second: number | null;
  /** Some worker waits for the rate. */
  readonly throttled: boolean;
  /** Since the workers started. */
  readonly sent: number;
  readonly workers: number;
}

/** Reports of the workers that live; undefined: Redis does not answer. */
export async function readWorkerReports(
  config: Pick<Config, 'redis'>,
  streams: readonly Stream[],
): Promise<readonly WorkerReport[] | undefined> {
  return withRedis(config, async (client) => {
    const prefix = config.redis.key_prefix;
    const keys = await Promise.all(
      streams.map(async (stream) => {
        const workers = await client.zrange(workersKey(prefix, stream), '0', '-1');
        return workers.map((worker) => workerReportKey(prefix, stream, Number(worker)));
      }),
    );
    const texts = await Promise.all(keys.flat().map((key) => client.get(key)));
    return texts.flatMap((text) => (text === null ? [] : (parseWorkerReport(text) ?? [])));
  });
}

/** Lanes of all workers, the fullest first. */
export function lanesOf(reports: readonly WorkerReport[]): readonly LaneStatus[] {
  const lanes = new Map<string, LaneStatus>();
  for (const { stream, lanes: ofWorker } of reports) {
    for (const report of ofWorker) {
      const known = lanes.get(report.lane);
      lanes.set(report.lane, {
        lane: report.lane,
        stream,
        waiting: (known?.waiting ?? 0) + report.waiting,
        sessions: (known?.sessions ?? 0) + report.sessions,
        connections: report.connections,
        messages_per_second: report.messages_per_second,
        throttled: (known?.throttled ?? false) || report.throttled,
        sent: (known?.sent ?? 0) + report.sent,
        workers: (known?.workers ?? 0) + 1,
      });
    }
  }
  return [...lanes.values()].sort(
    (a, b) =>
      b.waiting - a.waiting || b.sessions - a.sessions || b.sent - a.sent || (a.lane < b.lane ? -1 : 1),
  );
}
