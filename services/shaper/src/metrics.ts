/** The shaper's instruments: read from plain counts when they are collected. */
import { metrics } from '@opentelemetry/api';
import type { Shaper } from './shaper.ts';

/** Registers the instruments; the returned function takes them away again. */
export const observe = (shaper: Shaper): (() => void) => {
  const meter = metrics.getMeter('@millrace/shaper');
  const seen = meter.createObservableCounter('millrace.shaping.events', {
    unit: '{event}',
    description: 'Events that were looked at',
  });
  const replies = meter.createObservableCounter('millrace.shaping.replies', {
    unit: '{reply}',
    description: 'Negative replies among them',
  });
  const firings = meter.createObservableCounter('millrace.shaping.firings', {
    unit: '{firing}',
    description: 'Automation rules that fired, by rule',
  });
  const spikes = meter.createObservableCounter('millrace.shaping.spikes', {
    unit: '{spike}',
    description: 'Rates that went over a threshold, by measure and level',
  });
  const controls = meter.createObservableGauge('millrace.shaping.controls', {
    unit: '{control}',
    description: 'Controls in force',
  });
  const lag = meter.createObservableGauge('millrace.shaping.lag', {
    unit: '{event}',
    description: 'Events that are not looked at yet',
  });
  const all = [seen, replies, firings, spikes, controls, lag];
  const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const stats = shaper.stats();
    result.observe(seen, stats.events);
    result.observe(replies, stats.replies);
    for (const [rule, count] of stats.firings) result.observe(firings, count, { 'millrace.rule': rule });
    for (const [name, count] of stats.spikes) {
      const [measure = '', level = ''] = name.split(' ');
      result.observe(spikes, count, { 'millrace.measure': measure, 'millrace.level': level });
    }
    result.observe(controls, stats.controls);
    result.observe(lag, stats.lag);
  };
  meter.addBatchObservableCallback(collect, all);
  return () => meter.removeBatchObservableCallback(collect, all);
};
