/** The service's instruments: read from plain counts when they are collected. */
import { metrics } from '@opentelemetry/api';
import type { Webhooks } from './webhooks.ts';

/** Registers the instruments; the returned function takes them away again. */
export const observe = (webhooks: Webhooks): (() => void) => {
  const meter = metrics.getMeter('@millrace/webhooks');
  const requests = meter.createObservableCounter('millrace.webhooks.requests', {
    unit: '{request}',
    description: 'Requests to endpoints, by outcome',
  });
  const events = meter.createObservableCounter('millrace.webhooks.events', {
    unit: '{event}',
    description: 'Events of endpoints: queued, delivered, failed (each try), delayed, dead',
  });
  const inHand = meter.createObservableGauge('millrace.webhooks.in_hand', {
    unit: '{event}',
    description: 'Events in memory',
  });
  const waiting = meter.createObservableGauge('millrace.webhooks.waiting', {
    unit: '{message}',
    description: 'Messages whose events wait in delay tiers',
  });
  const open = meter.createObservableGauge('millrace.webhooks.open_circuits', {
    unit: '{endpoint}',
    description: 'Endpoints that only get probes',
  });
  const lag = meter.createObservableGauge('millrace.webhooks.lag', {
    unit: '{event}',
    description: 'Events not looked at yet, and events in the queues of endpoints',
  });
  const all = [requests, events, inHand, waiting, open, lag];
  const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const stats = webhooks.stats();
    for (const outcome of ['taken', 'refused'] as const)
      result.observe(requests, stats.requests[outcome], { 'millrace.outcome': outcome });
    for (const state of ['queued', 'delivered', 'failed', 'delayed', 'dead'] as const)
      result.observe(events, stats[state], { 'millrace.state': state });
    result.observe(inHand, stats.inHand);
    result.observe(waiting, stats.waiting);
    result.observe(open, stats.open);
    result.observe(lag, stats.lag.events, { 'millrace.queue': 'events' });
    result.observe(lag, stats.lag.queues, { 'millrace.queue': 'endpoints' });
  };
  meter.addBatchObservableCallback(collect, all);
  return () => meter.removeBatchObservableCallback(collect, all);
};
