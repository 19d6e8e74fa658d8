/** What the process itself uses, by OpenTelemetry's names for processes, Node.js and V8. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { metrics } from '@opentelemetry/api';

/** How often the event loop's lateness is looked at, ms: each look wakes the process. */
const lookMs = 100;

/** Registers the instruments; the returned function takes them away again. */
export const measureProcess = (): (() => void) => {
  const meter = metrics.getMeter('@millrace/service');
  const cpu = meter.createObservableCounter('process.cpu.time', {
    unit: 's',
    description: 'CPU seconds used, by mode',
  });
  const memory = meter.createObservableUpDownCounter('process.memory.usage', {
    unit: 'By',
    description: 'Resident memory',
  });
  const heap = meter.createObservableUpDownCounter('v8js.memory.heap.used', { unit: 'By' });
  const uptime = meter.createObservableGauge('process.uptime', { unit: 's' });
  const delay = meter.createObservableGauge('nodejs.eventloop.delay.p99', {
    unit: 's',
    description: 'How late the event loop was since the last look, 99th percentile',
  });
  const delays = monitorEventLoopDelay({ resolution: lookMs });
  delays.enable();
  const all = [cpu, memory, heap, uptime, delay];
  const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const used = process.cpuUsage();
    result.observe(cpu, used.user / 1e6, { 'cpu.mode': 'user' });
    result.observe(cpu, used.system / 1e6, { 'cpu.mode': 'system' });
    result.observe(memory, process.memoryUsage.rss());
    result.observe(heap, process.memoryUsage().heapUsed);
    result.observe(uptime, process.uptime());
    // What Node counts is the time from one look to the next.
    if (delays.count > 0) result.observe(delay, Math.max(0, delays.percentile(99) / 1e9 - lookMs / 1_000));
    delays.reset();
  };
  meter.addBatchObservableCallback(collect, all);
  return () => {
    meter.removeBatchObservableCallback(collect, all);
    delays.disable();
  };
};
