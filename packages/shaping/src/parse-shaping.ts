/** What a shaping file says, as limits: the edge where it is parsed. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isps, type LimitChanges, type PhaseTimeouts, type Shaping, type ShapingLayer } from '@millrace/core';
import { parseSettings } from '@millrace/service';
import { durationMs, ratePerSecond } from './quantities.ts';
import { type LayerEntry, type LimitsEntry, ShapingFile } from './shaping-schema.ts';

/** The limits that come with Millrace. */
export const shippedShapingFile = fileURLToPath(
  new URL('../../../infra/shaping/default.yaml', import.meta.url),
);

/**
 * Throws ConfigError (code ERR_CONFIG) with file, line, key and the nearest right word of everything that is wrong.
 * `file` is for messages.
 */
export const parseShaping = (text: string, file: string): Shaping => {
  const entries = parseSettings(ShapingFile, { text, file, baseDirectory: dirname(file) });
  const byIsp = isps.flatMap((isp) => {
    const entry: LayerEntry | undefined = entries.isps?.[isp];
    return entry === undefined ? [] : [[isp, layer(entry)] as const];
  });
  return {
    default: layer(entries.default ?? {}),
    isps: new Map(byIsp),
    sites: layers(entries.sites),
    sources: layers(entries.sources),
  };
};

const layers = (
  entries: Readonly<Record<string, LayerEntry>> | undefined,
): ReadonlyMap<string, ShapingLayer> =>
  new Map(Object.entries(entries ?? {}).map(([name, entry]) => [name, layer(entry)]));

const layer = ({ streams, ...entry }: LayerEntry): ShapingLayer => ({
  limits: changes(entry),
  streams: {
    ...(streams?.realtime && { realtime: changes(streams.realtime) }),
    ...(streams?.batch && { batch: changes(streams.batch) }),
  },
});

/** Only what the entry says. */
const changes = (entry: LimitsEntry): LimitChanges => ({
  ...(entry.connection_limit !== undefined && { connections: entry.connection_limit }),
  ...(entry.max_connection_rate !== undefined && {
    connectionsPerSecond: ratePerSecond(entry.max_connection_rate),
  }),
  ...(entry.max_message_rate !== undefined && { messagesPerSecond: ratePerSecond(entry.max_message_rate) }),
  ...(entry.burst !== undefined && { burst: entry.burst }),
  ...(entry.max_deliveries_per_connection !== undefined && {
    deliveriesPerConnection: entry.max_deliveries_per_connection,
  }),
  ...(entry.idle_timeout !== undefined && { idleMs: durationMs(entry.idle_timeout) }),
  ...(entry.tls !== undefined && { tls: entry.tls }),
  ...(entry.pipelining !== undefined && { pipelining: entry.pipelining }),
  ...(entry.timeouts !== undefined && { timeouts: timeouts(entry.timeouts) }),
  ...(entry.retry_schedule !== undefined && { retryScheduleMs: entry.retry_schedule.map(durationMs) }),
  ...(entry.failures_before_hold !== undefined && { failuresBeforeHold: entry.failures_before_hold }),
});

const phases = ['connect', 'greeting', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'dot'] as const;

const timeouts = (entry: NonNullable<LimitsEntry['timeouts']>): Partial<PhaseTimeouts> =>
  Object.fromEntries(
    phases.flatMap((phase) => {
      const text = entry[phase];
      return text === undefined ? [] : [[`${phase}Ms`, durationMs(text)]];
    }),
  );
