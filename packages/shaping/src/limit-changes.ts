/** Changes of limits in the words of a shaping file, and back. */
import type { LimitChanges, PhaseTimeouts } from '@millrace/core';
import { durationText, rateText } from './limit-words.ts';
import { durationMs, ratePerSecond } from './quantities.ts';
import type { LimitsEntry } from './shaping-schema.ts';

/** Only what the entry says. */
export const limitChangesOf = (entry: LimitsEntry): LimitChanges => ({
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
  ...(entry.mta_sts !== undefined && { mtaSts: entry.mta_sts }),
  ...(entry.pipelining !== undefined && { pipelining: entry.pipelining }),
  ...(entry.timeouts !== undefined && { timeouts: timeouts(entry.timeouts) }),
  ...(entry.retry_schedule !== undefined && { retryScheduleMs: entry.retry_schedule.map(durationMs) }),
  ...(entry.failures_before_hold !== undefined && { failuresBeforeHold: entry.failures_before_hold }),
  ...(entry.adaptive !== undefined && { adaptive: entry.adaptive }),
});

const phases = ['connect', 'greeting', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'dot'] as const;

const timeouts = (entry: NonNullable<LimitsEntry['timeouts']>): Partial<PhaseTimeouts> =>
  Object.fromEntries(
    phases.flatMap((phase) => {
      const text = entry[phase];
      return text === undefined ? [] : [[`${phase}Ms`, durationMs(text)]];
    }),
  );

const rateEntry = (perSecond: number | null): string =>
  perSecond === null ? 'unlimited' : rateText(perSecond);

/** What would say these changes in a shaping file. A null that no file can say (the stream's own) is left out. */
export const limitsEntryOf = (changes: LimitChanges): LimitsEntry => ({
  ...(changes.connections !== undefined && { connection_limit: changes.connections }),
  ...(changes.connectionsPerSecond !== undefined && {
    max_connection_rate: rateEntry(changes.connectionsPerSecond),
  }),
  ...(changes.messagesPerSecond !== undefined && { max_message_rate: rateEntry(changes.messagesPerSecond) }),
  ...(changes.burst != null && { burst: changes.burst }),
  ...(changes.deliveriesPerConnection !== undefined && {
    max_deliveries_per_connection: changes.deliveriesPerConnection,
  }),
  ...(changes.idleMs !== undefined && { idle_timeout: durationText(changes.idleMs) }),
  ...(changes.tls !== undefined && { tls: changes.tls }),
  ...(changes.mtaSts !== undefined && { mta_sts: changes.mtaSts }),
  ...(changes.pipelining !== undefined && { pipelining: changes.pipelining }),
  ...(changes.timeouts !== undefined && { timeouts: timeoutsEntry(changes.timeouts) }),
  ...(changes.retryScheduleMs != null && { retry_schedule: changes.retryScheduleMs.map(durationText) }),
  ...(changes.failuresBeforeHold !== undefined && { failures_before_hold: changes.failuresBeforeHold }),
  ...(changes.adaptive !== undefined && { adaptive: changes.adaptive }),
});

const timeoutsEntry = (changes: Partial<PhaseTimeouts>): NonNullable<LimitsEntry['timeouts']> =>
  Object.fromEntries(
    phases.flatMap((phase) => {
      const ms = changes[`${phase}Ms`];
      return ms === undefined ? [] : [[phase, durationText(ms)]];
    }),
  );
