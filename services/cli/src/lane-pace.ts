/** How fast lanes go at the moment, from what their workers tell twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stream, streams, type WorkerReport } from '@millrace/core';
import type { CommandContext } from './context.ts';
import { readWorkerReports } from './worker-reports.ts';

/** One lane, all of its workers together. */
export interface LanePace {
  readonly stream: Stream;
  readonly lane: string;
  /** Messages a second. */
  readonly perSecond: number;
  readonly sessions: number;
  /** Messages that workers have taken and no session has yet. */
  readonly waiting: number;
  readonly throttled: boolean;
}

/** Paces between two looks that are `ms` apart; undefined: Redis does not answer. */
export async function lanePaces(
  context: CommandContext,
  ms: number,
): Promise<readonly LanePace[] | undefined> {
  const { config } = context.installation();
  const before = await readWorkerReports(config, streams);
  if (before === undefined) return undefined;
  await sleep(ms, undefined, { signal: context.signal });
  const after = await readWorkerReports(config, streams);
  return after && pacesBetween(before, after);
}

/** Pure. Workers that are in one of the two only have no pace yet. */
export const pacesBetween = (
  before: readonly WorkerReport[],
  after: readonly WorkerReport[],
): readonly LanePace[] => {
  const paces = new Map<string, LanePace>();
  for (const { stream, worker, pid, at, lanes } of after) {
    const earlier = before.find((one) => one.stream === stream && one.worker === worker && one.pid === pid);
    const seconds = earlier === undefined ? 0 : (at - earlier.at) / 1_000;
    for (const { lane, sent, sessions, waiting, throttled } of lanes) {
      const sentBefore = earlier?.lanes.find((one) => one.lane === lane)?.sent ?? 0;
      const known = paces.get(lane);
      paces.set(lane, {
        stream,
        lane,
        perSecond: (known?.perSecond ?? 0) + (seconds > 0 ? Math.max(0, sent - sentBefore) / seconds : 0),
        sessions: (known?.sessions ?? 0) + sessions,
        waiting: (known?.waiting ?? 0) + waiting,
        throttled: (known?.throttled ?? false) || throttled,
      });
    }
  }
  return [...paces.values()];
};
