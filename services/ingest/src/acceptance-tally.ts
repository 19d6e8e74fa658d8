/** Counts of what was taken: plain numbers, read by the metrics when they are collected. */
import type { Stream } from '@millrace/core';
import { metrics } from '@opentelemetry/api';

type Via = 'http' | 'smtp';

export class AcceptanceTally {
  readonly #messages = new Map<`${Stream}/${Via}`, { stream: Stream; via: Via; count: number }>();

  add(stream: Stream, via: Via, messages: number): void {
    const known = this.#messages.get(`${stream}/${via}`);
    if (known === undefined) this.#messages.set(`${stream}/${via}`, { stream, via, count: messages });
    else known.count += messages;
  }

  counts(): Iterable<{ readonly stream: Stream; readonly via: Via; readonly count: number }> {
    return this.#messages.values();
  }
}

/** What the instruments show. */
export interface Measured {
  readonly tally: AcceptanceTally;
  /** Bytes of messages that are being received. */
  readonly receivingBytes: () => number;
  readonly kafkaReady: () => boolean;
}

/** Registers the instruments; the returned function takes them away again. */
export const measure = ({ tally, receivingBytes, kafkaReady }: Measured): (() => void) => {
  const meter = metrics.getMeter('@millrace/ingest');
  const accepted = meter.createObservableCounter('millrace.ingest.messages', {
    unit: '{message}',
    description: 'Messages that Kafka acknowledged, by stream and by how they came',
  });
  const receiving = meter.createObservableGauge('millrace.ingest.receiving', {
    unit: 'By',
    description: 'Bytes of messages that are being received',
  });
  const ready = meter.createObservableGauge('millrace.ingest.ready', {
    unit: '1',
    description: '1 while Kafka takes records, else 0',
  });
  const all = [accepted, receiving, ready];
  const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    for (const { stream, via, count } of tally.counts()) {
      result.observe(accepted, count, { 'millrace.stream': stream, 'millrace.via': via });
    }
    result.observe(receiving, receivingBytes());
    result.observe(ready, kafkaReady() ? 1 : 0);
  };
  meter.addBatchObservableCallback(collect, all);
  return () => meter.removeBatchObservableCallback(collect, all);
};
