/**
 * What a delivery worker tells of itself through Redis, for `millrace status` and whoever else wants to know: one key a
 * worker, gone seconds after the worker is.
 */
import { isStream, type Stream } from './stream.ts';

/** One lane as one worker sees it. */
export interface LaneReport {
  /** `<stream>/<provider or site>/<source>`. */
  readonly lane: string;
  /** Messages of this worker that no session has yet. */
  readonly waiting: number;
  /** Connections of this worker. */
  readonly sessions: number;
  /** Connections that all workers together may have. */
  readonly connections: number;
  /** Messages a second that all workers together may send; null: no limit. */
  readonly messages_per_second: number | null;
  /** Whether it waits for its rate. */
  readonly throttled: boolean;
  /** Its connections fail: until when this worker opens none, ms since the epoch. Absent: they do not. */
  readonly held_until?: number;
  /** Messages given to a session since the worker started. */
  readonly sent: number;
}

export interface WorkerReport {
  readonly stream: Stream;
  readonly worker: number;
  readonly host: string;
  readonly pid: number;
  /** When it was written, ms since the epoch. */
  readonly at: number;
  /** Every lane that it knows; `lanes` names the busiest. */
  readonly known_lanes: number;
  readonly lanes: readonly LaneReport[];
}

/** Sorted set of the numbers of a stream's workers, by when they are forgotten. */
export const workersKey = (prefix: string, stream: Stream): string => `${prefix}workers:${stream}`;

/** The report of one worker, JSON. */
export const workerReportKey = (prefix: string, stream: Stream, worker: number): string =>
  `${prefix}lanes:${stream}:${worker}`;

/** The report of a text; undefined where it is none. */
export const parseWorkerReport = (text: string): WorkerReport | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isWorkerReport(value) ? value : undefined;
};

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const isWorkerReport = (value: unknown): value is WorkerReport & Fields =>
  isFields(value) &&
  typeof value.stream === 'string' &&
  isStream(value.stream) &&
  ['worker', 'pid', 'at', 'known_lanes'].every((name) => typeof value[name] === 'number') &&
  typeof value.host === 'string' &&
  Array.isArray(value.lanes) &&
  value.lanes.every(isLaneReport);

const isLaneReport = (value: unknown): boolean =>
  isFields(value) &&
  typeof value.lane === 'string' &&
  typeof value.throttled === 'boolean' &&
  ['waiting', 'sessions', 'connections', 'sent'].every((name) => typeof value[name] === 'number') &&
  (value.messages_per_second === null || typeof value.messages_per_second === 'number');
