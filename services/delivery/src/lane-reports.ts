/** Tells through Redis what this worker's lanes do, every other second. */
import { hostname } from 'node:os';
import { type LaneReport, type Stream, type WorkerReport, workerReportKey } from '@millrace/core';
import type { HeldLane } from './control/held-back.ts';
import type { Lane } from './lane.ts';
import type { RedisPresence } from './redis/redis-presence.ts';
import type { RedisClient } from './redis/redis-script.ts';

export interface LaneReportsOptions {
  readonly client: RedisClient;
  readonly presence: RedisPresence;
  readonly keyPrefix: string;
  readonly stream: Stream;
  /** This worker's number in the census. */
  readonly worker: number;
  readonly lanes: () => readonly Lane[];
  /** Messages that suspensions hold back, by their lane. */
  readonly heldBack: () => readonly HeldLane[];
}

const everyMs = 2_000;
/** A report that was not renewed for so long is gone, ms. */
const keptMs = 10_000;
/** A worker may know thousands of lanes; so many are named. */
const named = 200;

/** Starts telling; `stop` takes the report back. */
export const reportLanes = (options: LaneReportsOptions): { stop(): Promise<void> } => {
  const { client, presence, keyPrefix, stream, worker } = options;
  const key = workerReportKey(keyPrefix, stream, worker);
  const tell = (): void => {
    if (presence.state === 'away') return;
    const report = reportOf(options, Date.now());
    void presence.note(client.set(key, JSON.stringify(report), 'PX', keptMs));
  };
  tell();
  const timer = setInterval(tell, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      if (presence.state !== 'away') await presence.note(client.del(key));
    },
  };
};

/** The busiest lanes first. */
const reportOf = ({ stream, worker, lanes, heldBack }: LaneReportsOptions, at: number): WorkerReport => {
  const all = lanes();
  const held = new Map<string, number>();
  for (const { lane, jobs } of heldBack()) held.set(lane, (held.get(lane) ?? 0) + jobs.length);
  const reports = all
    .map((lane) => laneReport(lane, held.get(lane.key) ?? 0))
    .sort((a, b) => b.waiting - a.waiting || b.sessions - a.sessions);
  return {
    stream,
    worker,
    host: hostname(),
    pid: process.pid,
    at,
    known_lanes: all.length,
    lanes: reports.slice(0, named),
  };
};

const laneReport = (
  { key, backlog, sessions, limits, throttled, sent, heldUntil }: Lane,
  heldBack: number,
): LaneReport => ({
  lane: key,
  waiting: backlog + heldBack,
  sessions,
  connections: limits.connections,
  messages_per_second: limits.messages?.perSecond ?? null,
  throttled,
  sent,
  ...(heldUntil !== undefined && { held_until: heldUntil }),
});
