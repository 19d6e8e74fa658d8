/** The worker's instruments. What is counted is read from plain counts; only latencies are recorded one by one. */
import type { WindowedConsumer } from '@millrace/kafka';
import type { DeliveryTask } from '@millrace/schemas';
import { type Attributes, metrics } from '@opentelemetry/api';
import type { ConnectionPlaces } from './connection-places.ts';
import type { Try } from './delivery-event.ts';
import type { Lanes } from './lanes.ts';
import type { DeliveryTally } from './tally.ts';

/** s. */
const latencyBounds = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200,
];
const tryBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Times of delivered messages. */
export class Latencies {
  readonly #delivery;
  readonly #tries;
  /** Attribute objects are made once: a histogram keys by their content, and few combinations occur. */
  readonly #attributes = new Map<string, Attributes>();

  constructor() {
    const meter = metrics.getMeter('@millrace/delivery');
    this.#delivery = meter.createHistogram('millrace.delivery.latency', {
      unit: 's',
      description: 'From acceptance to the 250, by stream and category',
      advice: { explicitBucketBoundaries: latencyBounds },
    });
    this.#tries = meter.createHistogram('millrace.delivery.attempt.duration', {
      unit: 's',
      description: 'One mail in its SMTP session, from its commands to the answer, by stream and provider',
      advice: { explicitBucketBoundaries: tryBounds },
    });
  }

  delivered(task: DeliveryTask, tried: Try, now: number): void {
    const { stream, category, isp } = task;
    const ofCategory = this.#of(`c/${stream}/${category}`, () => ({
      'millrace.stream': stream,
      'millrace.category': category ?? 'none',
    }));
    const ofIsp = this.#of(`i/${stream}/${isp}`, () => ({ 'millrace.stream': stream, 'millrace.isp': isp }));
    this.#delivery.record(Math.max(0, now - task.accepted_at) / 1_000, ofCategory);
    this.#tries.record(tried.durationMs / 1_000, ofIsp);
  }

  #of(key: string, make: () => Attributes): Attributes {
    let attributes = this.#attributes.get(key);
    if (attributes === undefined) {
      attributes = make();
      // Categories are the producers' own words: beyond a bound they are not told apart.
      if (this.#attributes.size < 500) this.#attributes.set(key, attributes);
    }
    return attributes;
  }
}

export interface Measured {
  readonly stream: string;
  readonly tally: DeliveryTally;
  readonly lanes: Lanes;
  readonly places: ConnectionPlaces;
  readonly consumer: WindowedConsumer;
}

const shardPrefix = /^mail\.[a-z]+\./;

/** Registers the instruments; the returned function takes them away again. */
export const observe = ({ stream, tally, lanes, places, consumer }: Measured): (() => void) => {
  const meter = metrics.getMeter('@millrace/delivery');
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(name, { unit, description });
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(name, { unit, description });
  const outcomes = counter(
    'millrace.delivery.outcomes',
    '{message}',
    'Messages by stream, provider, outcome and category of what stood in the way',
  );
  const attempts = counter('millrace.delivery.attempts', '{attempt}', 'Mails given to a session');
  const sessions = counter('millrace.delivery.sessions', '{session}', 'Sessions opened, or failed to open');
  const unjournaled = counter(
    'millrace.delivery.journal.failures',
    '{message}',
    'Messages sent while the journal could not be written',
  );
  const throttled = counter('millrace.delivery.throttled', 's', 'Time that lanes with messages had no token');
  const depth = gauge(
    'millrace.queue.depth',
    '{message}',
    'Records of the partitions of this process that are not finished, by stream and provider',
  );
  const inFlight = gauge('millrace.delivery.in_flight', '{message}', 'Records handed out and not finished');
  const open = gauge('millrace.delivery.connections', '{connection}', 'Sessions open or being opened');
  const waiting = gauge('millrace.delivery.lanes', '{lane}', 'Lanes that this process knows, by state');
  const all = [outcomes, attempts, sessions, unjournaled, throttled, depth, inFlight, open, waiting];
  const collect: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
    const ofStream = { 'millrace.stream': stream };
    for (const { isp, kind, category, count } of tally.outcomes()) {
      result.observe(outcomes, count, {
        ...ofStream,
        'millrace.isp': isp,
        'millrace.outcome': kind,
        ...(category === '' ? {} : { 'millrace.outcome.category': category }),
      });
    }
    result.observe(attempts, tally.attempts, ofStream);
    result.observe(sessions, tally.sessions, { ...ofStream, 'millrace.session.state': 'opened' });
    result.observe(sessions, tally.sessionFailures, { ...ofStream, 'millrace.session.state': 'failed' });
    result.observe(unjournaled, tally.unjournaled, ofStream);
    result.observe(throttled, lanes.throttledMs / 1_000, ofStream);
    const window = consumer.stats();
    const byIsp = new Map<string, { lag: number; inFlight: number }>();
    for (const partition of window.partitions) {
      const isp = partition.topic.replace(shardPrefix, '');
      const sum = byIsp.get(isp) ?? { lag: 0, inFlight: 0 };
      sum.lag += partition.lag;
      sum.inFlight += partition.inFlight;
      byIsp.set(isp, sum);
    }
    for (const [isp, sum] of byIsp) {
      const attributes = { ...ofStream, 'millrace.isp': isp };
      result.observe(depth, sum.lag, attributes);
      result.observe(inFlight, sum.inFlight, attributes);
    }
    result.observe(open, places.taken, ofStream);
    const states = lanes.states();
    result.observe(waiting, states.throttled, { ...ofStream, 'millrace.lane.state': 'throttled' });
    result.observe(waiting, states.known - states.throttled, { ...ofStream, 'millrace.lane.state': 'free' });
  };
  meter.addBatchObservableCallback(collect, all);
  return () => meter.removeBatchObservableCallback(collect, all);
};
