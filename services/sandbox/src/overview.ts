import { ispDefinitions } from './isps.ts';
import type { IspStats, SandboxStats } from './statistics.ts';

const seconds = 60;

/** One line of the page: an ISP, or the whole long tail. */
export interface OverviewLine {
  readonly name: string;
  readonly label: string;
  readonly accepted: number;
  readonly tls: number;
  readonly open: number;
  readonly deferred: number;
  readonly rejected: number;
  readonly dropped: number;
  /** Mails accepted in each of the last 60 seconds. */
  readonly per_second: readonly number[];
}

/** The statistics as the page shows them: the long tail in one line. */
export function overviewOf(stats: SandboxStats): { accepted: number; isps: OverviewLine[] } {
  const groups = new Map<string, IspStats[]>();
  for (const { name, group } of ispDefinitions) {
    const isp = stats.isps[name];
    if (isp) groups.set(group, [...(groups.get(group) ?? []), isp]);
  }
  const isps = [...groups].map(([group, members]) => lineOf(group, members));
  return { accepted: stats.accepted, isps };
}

function lineOf(group: string, members: readonly IspStats[]): OverviewLine {
  const sum = (value: (isp: IspStats) => number) => members.reduce((total, isp) => total + value(isp), 0);
  const perSecond = Array.from({ length: seconds }, () => 0);
  for (const isp of members) {
    for (const source of Object.values(isp.sources)) {
      source.last_seconds.slice(-seconds).forEach((count, index) => {
        perSecond[index] = (perSecond[index] ?? 0) + count;
      });
    }
  }
  return {
    name: group,
    label: group === 'tail' ? `tail (${members.length} domains)` : group,
    accepted: sum((isp) => isp.mails.accepted),
    tls: sum((isp) => isp.mails.tls),
    open: sum((isp) => isp.connections.open),
    deferred: sum((isp) => total(isp.mails.deferred)),
    rejected: sum((isp) => total(isp.mails.rejected)),
    dropped: sum((isp) => total(isp.mails.dropped)),
    per_second: perSecond,
  };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
