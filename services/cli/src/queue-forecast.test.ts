import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlTable, controlRecord, type LaneReport, type WorkerReport } from '@millrace/core';
import { shapingOfText } from '@millrace/shaping';
import { type LanePace, pacesBetween } from './lane-pace.ts';
import {
  domainsAtWork,
  forecastOf,
  lanesOfQueue,
  type Queue,
  queueName,
  queuesByDomain,
  sourcesOf,
} from './queue-forecast.ts';

const now = 1_900_000_000_000;
const shaping = shapingOfText(
  'isps:\n  gmail: { max_message_rate: 50/s }\n  yahoo: { connection_limit: 5 }\n',
  'a.yaml',
);
const gmail: Queue = { stream: 'batch', isp: 'gmail', waiting: 10_000 };
const isIsp = (name: string): boolean => name === 'gmail' || name === 'yahoo';
const lanes = lanesOfQueue(gmail, ['ip1', 'ip2'], [], isIsp);
const inSeconds = (at: number | null): number =>
  at === null ? Number.POSITIVE_INFINITY : (at - now) / 1_000;
const about = (found: number | null, seconds: number) =>
  assert.ok(Math.abs(inSeconds(found) - seconds) < seconds * 0.03, `${inSeconds(found)} s, not ${seconds} s`);

const report = (at: number, over: Partial<LaneReport>): WorkerReport => ({
  ...{ stream: 'batch', worker: 1, host: 'one', pid: 1, at, known_lanes: 1 },
  lanes: [
    {
      ...{ lane: 'batch/yahoo/ip1', waiting: 500, sessions: 5, connections: 5 },
      ...{ messages_per_second: null, throttled: false, sent: 0, ...over },
    },
  ],
});

test('by the limits: two sources at 50 a second; a third one, or twice the limits, help as much as they should', () => {
  const found = forecastOf(gmail, lanes, { controls: new ControlTable(), shaping }, [], now);
  assert.deepEqual(found.lanes, ['batch/gmail/ip1', 'batch/gmail/ip2']);
  assert.deepEqual([found.messages_per_second, found.connections], [100, 20]);
  about(found.empty_at, 100);
  about(found.with_one_more_source, 66.7);
  about(found.with_twice_the_limits, 50);
});

test('controls count: a source that is suspended, an override that ends', () => {
  const controls = new ControlTable();
  const set = (until: number | null) => {
    const control = {
      ...{ kind: 'suspension' as const, key: 'suspension|source:ip2', until, reason: '', author: 'ada' },
      ...{ scope: { kind: 'source' as const, name: 'ip2' }, setAt: now },
    };
    controls.apply(control.key, controlRecord(control));
  };
  set(null);
  about(forecastOf(gmail, lanes, { controls, shaping }, [], now).empty_at, 200);
  set(now + 100_000);
  about(forecastOf(gmail, lanes, { controls, shaping }, [], now).empty_at, 150);
  const [, second] = lanes;
  assert.ok(second);
  set(null);
  assert.equal(forecastOf(gmail, [second], { controls, shaping }, [], now).empty_at, null);
});

test('without a rate the measured pace decides', () => {
  const paces = pacesBetween([report(now, { sent: 100 })], [report(now + 5_000, { sent: 2_600 })]);
  assert.deepEqual(paces, [
    {
      ...{ stream: 'batch', lane: 'batch/yahoo/ip1', perSecond: 500, sessions: 5, waiting: 500 },
      ...{ throttled: false },
    } satisfies LanePace,
  ]);
  const queue: Queue = { stream: 'batch', isp: 'yahoo', waiting: 50_000 };
  const through = lanesOfQueue(queue, ['ip1'], paces, isIsp);
  const found = forecastOf(queue, through, { controls: new ControlTable(), shaping }, paces, now);
  assert.equal(found.measured, true);
  // Connecting anew is in what was measured.
  about(found.empty_at, 100);
});

test('a lane that waits for its rate is not slower than it was seen to be, nor one that connects after each mail', () => {
  const of = (text: string) => ({
    controls: new ControlTable(),
    shaping: shapingOfText(`isps:\n  yahoo: ${text}\n`, 'a.yaml'),
  });
  const queue: Queue = { stream: 'batch', isp: 'yahoo', waiting: 10_000 };
  const foretold = (situation: ReturnType<typeof of>, over: Partial<LaneReport>, sent: number) => {
    const paces = pacesBetween([report(now, over)], [report(now + 5_000, { ...over, sent })]);
    return forecastOf(queue, lanesOfQueue(queue, ['ip1'], paces, isIsp), situation, paces, now);
  };
  const throttled = of('{ max_message_rate: 100/s, connection_limit: 1 }');
  const held = foretold(throttled, { sessions: 1, throttled: true }, 500);
  about(held.empty_at, 100);
  assert.equal(held.measured, false);
  const anew = of('{ connection_limit: 2, max_deliveries_per_connection: 1 }');
  about(foretold(anew, { sessions: 2 }, 100).empty_at, 500);
});

test('a worker that started between the looks has no pace, one that left is not counted', () => {
  assert.equal(pacesBetween([], [report(now, { sent: 900 })])[0]?.perSecond, 0);
  assert.deepEqual(pacesBetween([report(now, {})], []), []);
});

test('the long tail empties through the sites that are known, else through one', () => {
  const tail: Queue = { stream: 'batch', isp: 'other', waiting: 10 };
  const pace = (lane: string): LanePace => ({
    ...{ stream: 'batch', lane, perSecond: 0, sessions: 0, waiting: 1, throttled: false },
  });
  const known = [pace('batch/gmail/ip1'), pace('batch/mx.a.test/ip1'), pace('batch/mx.b.test/ip2')];
  const named = lanesOfQueue(tail, ['ip1'], known, isIsp).map(({ site, source }) => `${site} ${source}`);
  assert.deepEqual(named, ['mx.a.test ip1', 'mx.b.test ip2']);
  assert.equal(lanesOfQueue(tail, ['ip1', 'ip2'], [], isIsp).length, 2);
});

test('a domain with lanes of its own is a queue beside its provider, under its own limits', () => {
  const pace = (lane: string, waiting: number): LanePace => ({
    ...{ stream: 'batch', lane, perSecond: 0, sessions: 0, waiting, throttled: false },
  });
  const paces = [
    pace('batch/gmail/ip1', 600),
    pace('batch/shop.test/ip1', 200),
    pace('batch/a.test/ip1', 50),
  ];
  const own = shapingOfText(
    'isps:\n  gmail: { max_message_rate: 50/s }\ndomains:\n  shop.test: { max_message_rate: 5/s }\n',
    'a.yaml',
  );
  const isNamed = (name: string): boolean => own.shaping.domains.has(name);
  assert.deepEqual(domainsAtWork(paces, isNamed), ['shop.test']);
  const domains = [{ name: 'shop.test', isp: 'gmail', site: 'gmail' }] as const;
  const queues = queuesByDomain(gmail, domains, paces, isIsp);
  assert.deepEqual(
    queues.map((queue) => [queueName(queue), queue.waiting]),
    [
      ['batch/gmail', 7_500],
      ['batch/shop.test', 2_500],
    ],
  );
  const foretold = queues.map((queue) => {
    const through = lanesOfQueue(queue, ['ip1'], paces, isIsp);
    return forecastOf(queue, through, { controls: new ControlTable(), shaping: own }, paces, now);
  });
  assert.deepEqual(foretold[1]?.lanes, ['batch/shop.test/ip1']);
  about(foretold[0]?.empty_at ?? null, 150);
  about(foretold[1]?.empty_at ?? null, 500);
  // Neither a site of the long tail nor in the way of one.
  const tail: Queue = { stream: 'batch', isp: 'other', waiting: 10 };
  assert.deepEqual(queuesByDomain(tail, domains, paces, isIsp), [tail]);
  assert.deepEqual(
    lanesOfQueue(tail, ['ip1'], paces, (name) => isIsp(name) || isNamed(name)).map(({ site }) => site),
    ['a.test'],
  );
});

test("the sources are those of the tenants' pools", () => {
  const source = (name: string) => ({ source: name, weight: 1 });
  const config = {
    pools: {
      a: { stream: 'batch' as const, sources: [source('ip1'), source('ip2')] },
      b: { stream: 'batch' as const, sources: [source('ip2'), source('ip3')] },
      spare: { stream: 'batch' as const, sources: [source('ip4')] },
      fast: { stream: 'realtime' as const, sources: [source('ip5')] },
    },
    tenants: Object.fromEntries(
      ['a', 'b'].map((pool) => [
        pool,
        {
          ...{ default_stream: 'batch' as const, categories: {}, from_domains: [], api_keys: [] },
          pools: { realtime: 'fast', batch: pool },
        },
      ]),
    ),
  };
  assert.deepEqual(sourcesOf(config, 'batch'), ['ip1', 'ip2', 'ip3']);
  assert.deepEqual(sourcesOf(config, 'realtime'), ['ip5']);
});
