/** CPU time and memory of processes, from Linux' /proc. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** One or more processes that are reported under one name. */
export interface Watched {
  readonly name: string;
  readonly pid: number;
  /** Its descendants count too, those that have ended included. Default false. */
  readonly tree?: boolean;
}

export interface ProcessFigures {
  readonly name: string;
  readonly cpuMs: number;
  /** Highest resident memory since the start of the measurement, MB of 10^6 bytes; of a tree: the sum. */
  readonly peakRssMb: number;
}

/** Of the clock that /proc counts in: USER_HZ is 100 on every Linux that Node runs on. */
const tickMs = 10;

interface Stat {
  readonly parent: number;
  readonly ownMs: number;
  /** Of children that have ended and were waited for. */
  readonly endedChildrenMs: number;
}

/** proc(5), /proc/pid/stat. Undefined: there is no such process. */
function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  // The name may hold anything, so the fields are counted from its last parenthesis: the first one there is field 3.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number): number => fields[number - 3] ?? 0;
  return {
    parent: field(4),
    ownMs: (field(14) + field(15)) * tickMs,
    endedChildrenMs: (field(16) + field(17)) * tickMs,
  };
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? statOf(pid)?.parent : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

const pidsOf = (watched: Watched): number[] => (watched.tree ? treeOf(watched.pid) : [watched.pid]);

function cpuMsOf(watched: Watched): number {
  return pidsOf(watched).reduce((sum, pid) => {
    const stat = statOf(pid);
    return sum + (stat?.ownMs ?? 0) + (watched.tree ? (stat?.endedChildrenMs ?? 0) : 0);
  }, 0);
}

function peakRssMbOf(pid: number): number {
  try {
    const kb = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kb ?? 0) * 1_024) / 1e6;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

/** Forgets the highest memory so far. */
function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch (error) {
    // Without the right to, the peak is that of the process's whole life.
    if (!isGone(error) && !(error instanceof Error && 'code' in error && error.code === 'EACCES'))
      throw error;
  }
}

/** Starts measuring; the returned function says what was used since. */
export function measureProcesses(watched: readonly Watched[]): () => readonly ProcessFigures[] {
  for (const one of watched) for (const pid of pidsOf(one)) resetPeak(pid);
  const before = watched.map(cpuMsOf);
  return () =>
    watched.map((one, index) => ({
      name: one.name,
      cpuMs: cpuMsOf(one) - (before[index] ?? 0),
      peakRssMb: Math.round(pidsOf(one).reduce((sum, pid) => sum + peakRssMbOf(pid), 0)),
    }));
}
