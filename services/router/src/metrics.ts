/** The router's instruments: read from plain counts when they are collected, so that counting costs the hot path nothing. */
import type { Stream, SuppressionIndex } from '@millrace/core';
import type { WindowedConsumer } from '@millrace/kafka';
import { metrics } from '@opentelemetry/api';
import type { DomainRoutes } from './domain-routes.ts';
import type { RoutingTally } from './routing-tally.ts';

export interface Measured {
  /** Whose requests are taken. */
  readonly stream: Stream;
  readonly tally: RoutingTally;
  readonly routes: DomainRoutes;
  readonly suppressions: SuppressionIndex;
  readonly consumer: WindowedConsumer;
}

/** Registers the instruments; the returned function takes them away again. */
export const observe = ({ stream, tally, routes, suppressions, consumer }: Measured): (() => void) => {
  const meter = metrics.getMeter('@millrace/router');
  const routed = meter.createObservableCounter('millrace.routing.messages', {
    unit: '{message}',
    description: 'Messages written to a shard, by stream and provider',
  });
  const outcomes = meter.createObservableCounter('millrace.routing.outcomes', {
    unit: '{event}',
    description: 'Events emitted by the router, by stream and kind',
  });
  const lookups = meter.createObservableCounter('millrace.routing.dns.lookups', {
    unit: '{lookup}',
    description: 'Domains looked up: result is hit (from memory) or miss (asked)',
  });
  const remembered = meter.createObservableGauge('millrace.routing.dns.cache.size', { unit: '{domain}' });
  const suppressed = meter.createObservableGauge('millrace.suppression.entries', { unit: '{address}' });
  const waiting = meter.createObservableGauge('millrace.routing.queue.depth', {
    unit: '{request}',
    description: 'Requests of the partitions of this process that are not completed',
  });
  const inFlight = meter.createObservableGauge('millrace.routing.in_flight', { unit: '{request}' });
  const all = [routed, outcomes, lookups, remembered, suppressed, waiting, inFlight];

  const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    for (const { stream, isp, count } of tally.routedCounts()) {
      result.observe(routed, count, { 'millrace.stream': stream, 'millrace.isp': isp });
    }
    for (const { stream, kind, count } of tally.outcomeCounts()) {
      result.observe(outcomes, count, { 'millrace.stream': stream, 'millrace.outcome': kind });
    }
    const dns = routes.stats();
    result.observe(lookups, dns.hits, { result: 'hit' });
    result.observe(lookups, dns.misses, { result: 'miss' });
    result.observe(remembered, dns.entries);
    result.observe(suppressed, suppressions.size);
    const window = consumer.stats();
    const attributes = { 'millrace.stream': stream };
    result.observe(waiting, window.lag, attributes);
    result.observe(inFlight, window.inFlight, attributes);
  };
  meter.addBatchObservableCallback(collect, all);
  return () => meter.removeBatchObservableCallback(collect, all);
};
