/** For tests: a Kafka of its own, what shapers write there, and a clock that can be moved. */
import assert from 'node:assert/strict';
import { ControlTable, topics } from '@millrace/core';
import type { Kafka, KafkaLogger } from '@millrace/kafka';
import { testInstallation, until } from '@millrace/kafka/testing';
import type { ControlState, MessageEvent } from '@millrace/schemas';
import { type Shaper, type ShaperOptions, startShaping } from './shaper.ts';

const silent = (): undefined => undefined;
const logger: KafkaLogger = { debug: silent, info: silent, warn: silent, error: silent };

/** Rules that start with it unless a test has its own. */
export const yaml = `
automation:
  - name: listed
    match: 'on our block list'
    after: 3
    suspend: true
    alert: the source is on a block list
    for: 1h
    recover: { from: 10/min, every: 5m, factor: 2, steps: 6 }
`;

export const lane = { stream: 'batch', isp: 'gmail', site: 'mx.google.test', source: 'ip1' } as const;

let serial = 0;
/** What came of a message, as a worker tells it: a bounce, unless `over` says otherwise. */
export const answer = (over: Partial<MessageEvent> = {}): MessageEvent => {
  serial += 1;
  const id = `message-${serial}`;
  return {
    event_id: `${id}:bounced`,
    kind: 'bounced',
    time: Date.now(),
    message_id: id,
    request_id: id,
    tenant: 'acme',
    ...{ stream: 'batch', category: null, campaign: null, recipient: 'ada@gmail.com', domain: 'gmail.com' },
    ...{ isp: lane.isp, site: lane.site, pool: 'main', source: lane.source, mx: lane.site },
    ...{ remote_address: '127.0.1.10', attempt: 1, reply_code: 550, enhanced_code: '5.7.1' },
    ...{ text: 'You are on our block list', phase: 'rcpt', bounce_category: 'ip_listed', latency_ms: 5 },
    ...{ attempt_ms: 2, size_bytes: 500, tls: null, next_attempt_at: null, tags: [], metadata: {} },
    ...{ trace_id: null, sender_domain: 'acme.example' },
    ...over,
  };
};

export interface ShaperRig extends AsyncDisposable {
  readonly kafka: Kafka;
  /** As workers have it. */
  readonly table: ControlTable;
  /** Events of firings. */
  readonly shaped: readonly MessageEvent[];
  /** Events of rates that went over a threshold. */
  readonly spikes: readonly MessageEvent[];
  now(): number;
  /** Moves the clock, ms. */
  shift(ms: number): void;
  /** Starts a shaper; resolves when it is ready. */
  start(over?: Partial<ShaperOptions>): Promise<Shaper>;
  tell(...events: readonly MessageEvent[]): Promise<void>;
  /** Resolves when every event has been looked at and committed. */
  settled(): Promise<void>;
  /** Writes to mail.control, as an operator; null: undoes. */
  control(key: string, value: ControlState | null): Promise<void>;
}

export async function shaperRig(): Promise<ShaperRig> {
  const installation = await testInstallation([topics.events, topics.control], 4);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const table = new ControlTable();
  const shaped: MessageEvent[] = [];
  const spikes: MessageEvent[] = [];
  const started: Shaper[] = [];
  let shiftMs = 0;
  const now = (): number => Date.now() + shiftMs;
  await kafka.followedTable({
    topic: topics.control,
    record: 'ControlState',
    onChange: (key, record) => assert.notEqual(table.apply(key, record).kind, 'refused'),
  });
  await kafka.tail({
    topic: topics.events,
    record: 'MessageEvent',
    from: 'earliest',
    onRecord: ({ value }) => {
      if (value.kind === 'shaped') shaped.push(value);
      if (value.kind === 'spike') spikes.push(value);
    },
  });
  return {
    kafka,
    table,
    shaped,
    spikes,
    now,
    shift: (ms) => {
      shiftMs += ms;
    },
    start: async (over = {}) => {
      const shaping = { yaml, name: 'test.yaml' };
      const shaper = await startShaping({ kafka, logger, shaping, act: true, now, ...over });
      started.push(shaper);
      await until(() => shaper.ready, 'the shaper');
      return shaper;
    },
    tell: async (...events) => {
      for (const event of events)
        await producer.send('MessageEvent', topics.events, { key: event.message_id, value: event });
    },
    settled: () =>
      until(async () => {
        const lags = await kafka.lag({ groups: ['shaper'] });
        return lags.length > 0 && lags.every(({ lag }) => lag === 0);
      }),
    control: (key, value) =>
      value === null
        ? producer.sendTombstone(topics.control, key)
        : producer.send('ControlState', topics.control, { key, value }),
    async [Symbol.asyncDispose]() {
      // Those that a test left running when it failed.
      await Promise.all(started.map((shaper) => shaper.stop()));
      await installation[Symbol.asyncDispose]();
    },
  };
}
