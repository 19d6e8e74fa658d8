/** What this service has counted, and its instruments. */
import { metrics } from '@opentelemetry/api';

type Counts = Map<string, number>;

const add = (counts: Counts, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1);
};

export class FeedbackTally {
  readonly #reports: Counts = new Map();
  readonly #matches: Counts = new Map();
  readonly #events: Counts = new Map();
  readonly #suppressions: Counts = new Map();

  reports(kind: string, origin: string): void {
    add(this.#reports, `${kind} ${origin}`);
  }

  matched(by: string): void {
    add(this.#matches, by);
  }

  event(kind: string): void {
    add(this.#events, kind);
  }

  suppressed(reason: string): void {
    add(this.#suppressions, reason);
  }

  /** Registers the instruments; the returned function takes them away again. `entries`: suppressions that are known. */
  observe(entries: () => number): () => void {
    const meter = metrics.getMeter('@millrace/feedback');
    const reports = meter.createObservableCounter('millrace.feedback.reports', {
      unit: '{report}',
      description: 'Reports read, by kind and origin',
    });
    const matches = meter.createObservableCounter('millrace.feedback.matches', {
      unit: '{report}',
      description: 'Reports by what led to their message',
    });
    const events = meter.createObservableCounter('millrace.feedback.events', { unit: '{event}' });
    const suppressions = meter.createObservableCounter('millrace.feedback.suppressions', {
      unit: '{address}',
      description: 'Suppressions written, by reason',
    });
    const known = meter.createObservableGauge('millrace.suppression.entries', { unit: '{address}' });
    const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
      for (const [name, count] of this.#reports) {
        const [kind = '', origin = ''] = name.split(' ');
        result.observe(reports, count, { 'millrace.report.kind': kind, 'millrace.report.origin': origin });
      }
      for (const [by, count] of this.#matches) result.observe(matches, count, { 'millrace.match': by });
      for (const [kind, count] of this.#events)
        result.observe(events, count, { 'millrace.event.kind': kind });
      for (const [reason, count] of this.#suppressions)
        result.observe(suppressions, count, { 'millrace.reason': reason });
      result.observe(known, entries());
    };
    const all = [reports, matches, events, suppressions, known];
    meter.addBatchObservableCallback(collect, all);
    return () => meter.removeBatchObservableCallback(collect, all);
  }
}
