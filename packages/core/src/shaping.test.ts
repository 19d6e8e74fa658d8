import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LimitsInForce } from './control/limit-controls.ts';
import { type LaneOf, laneKey } from './lane.ts';
import { builtInLimits, laneLimits, type Shaping, type ShapingLayer } from './shaping.ts';

const nothing: ShapingLayer = { limits: {}, streams: {} };
const shaping = (layers: Partial<Shaping>): Shaping => ({
  default: nothing,
  isps: new Map(),
  sites: new Map(),
  domains: new Map(),
  messageLimits: [],
  sources: new Map(),
  ...layers,
});
const lane: LaneOf = { stream: 'batch', isp: 'gmail', site: 'aspmx.l.google.com', source: 'ip1' };

test('a known provider is one lane for all its sites, an unknown site has its own', () => {
  assert.equal(laneKey(lane), 'batch/gmail/ip1');
  assert.equal(laneKey({ ...lane, site: 'smtp.google.com' }), 'batch/gmail/ip1');
  assert.equal(laneKey({ ...lane, isp: 'other', site: 'mx.a.test' }), 'batch/mx.a.test/ip1');
  assert.notEqual(laneKey(lane), laneKey({ ...lane, stream: 'realtime' }));
});

test('a domain that the shaping names has a lane of its own, wherever it is hosted', () => {
  const of = { stream: 'batch', isp: 'gmail', site: 'mx.a.test', source: 'ip1' } as const;
  assert.equal(laneKey({ ...of, ownDomain: 'bank.test' }), 'batch/bank.test/ip1');
  assert.equal(laneKey({ ...of, ownDomain: undefined }), 'batch/gmail/ip1');
});

test('without a file the built-in limits hold, and no rate', () => {
  const limits = laneLimits(shaping({}), lane);
  assert.equal(limits.connections, builtInLimits.connections);
  assert.deepEqual(limits.timeouts, builtInLimits.timeouts);
  assert.equal(limits.messages, undefined);
  assert.equal(limits.newConnections, undefined);
});

test('default, provider, site, source: the nearer one wins, and only in what it says', () => {
  const layers = shaping({
    default: { limits: { connections: 10, deliveriesPerConnection: 100, tls: 'opportunistic' }, streams: {} },
    isps: new Map([['gmail', { limits: { connections: 5, tls: 'required' }, streams: {} }]]),
    sites: new Map([['aspmx.l.google.com', { limits: { connections: 3 }, streams: {} }]]),
    domains: new Map(),
    messageLimits: [],
    sources: new Map([['ip2', { limits: { connections: 1 }, streams: {} }]]),
  });
  const connections = (change: Partial<LaneOf>) => laneLimits(layers, { ...lane, ...change }).connections;
  assert.equal(connections({}), 3);
  assert.equal(connections({ site: 'elsewhere' }), 5);
  assert.equal(connections({ isp: 'yahoo', site: 'elsewhere' }), 10);
  assert.equal(connections({ source: 'ip2' }), 1);
  const limits = laneLimits(layers, lane);
  assert.equal(limits.tls, 'required');
  assert.equal(limits.deliveriesPerConnection, 100);
});

test('a stream changes its own lanes only, below the next layer', () => {
  const layers = shaping({
    default: { limits: { connections: 10 }, streams: { realtime: { connections: 20, idleMs: 5 } } },
    isps: new Map([['gmail', { limits: { connections: 5 }, streams: {} }]]),
  });
  const limits = laneLimits(layers, { ...lane, stream: 'realtime' });
  assert.deepEqual([limits.connections, limits.idleMs], [5, 5]);
  assert.equal(laneLimits(layers, { ...lane, stream: 'realtime', isp: 'yahoo' }).connections, 20);
  assert.equal(laneLimits(layers, { ...lane, isp: 'yahoo' }).connections, 10);
});

test('time limits are changed one by one', () => {
  const limits = laneLimits(
    shaping({
      default: { limits: { timeouts: { dataMs: 1 } }, streams: {} },
      isps: new Map([['gmail', { limits: { timeouts: { dotMs: 2 } }, streams: {} }]]),
    }),
    lane,
  );
  assert.deepEqual(limits.timeouts, { ...builtInLimits.timeouts, dataMs: 1, dotMs: 2 });
});

test("a rate has a burst of a tenth of a second's worth unless one is given, and never less than one", () => {
  const messages = (messagesPerSecond: number, burst: number | null) =>
    laneLimits(shaping({ default: { limits: { messagesPerSecond, burst }, streams: {} } }), lane).messages;
  assert.deepEqual(messages(100, null), { perSecond: 100, burst: 10 });
  assert.deepEqual(messages(100, 50), { perSecond: 100, burst: 50 });
  assert.deepEqual(messages(1 / 60, null), { perSecond: 1 / 60, burst: 1 });
});

test('a layer can lift the rate of the one before', () => {
  const limits = laneLimits(
    shaping({
      default: { limits: { messagesPerSecond: 100, connectionsPerSecond: 1 }, streams: {} },
      isps: new Map([['gmail', { limits: { messagesPerSecond: null }, streams: {} }]]),
    }),
    lane,
  );
  assert.equal(limits.messages, undefined);
  assert.equal(limits.newConnections?.perSecond, 1);
});

test('a lane that is probed begins slowly, and then has what probing found, never more than the file says', () => {
  const layers = shaping({
    default: { limits: { adaptive: true, messagesPerSecond: 50, burst: 20 }, streams: {} },
  });
  assert.deepEqual(laneLimits(layers, lane).messages, { perSecond: 1, burst: 1 });
  const found = (messagesPerSecond: number): LimitsInForce => ({
    control: {
      kind: 'adaptive',
      key: 'adaptive|lane:batch/gmail/ip1',
      scope: { kind: 'lane', stream: 'batch', site: 'gmail', source: 'ip1' },
      ...{ until: null, reason: '', author: 'adaptive', setAt: 0, changes: { messagesPerSecond } },
      found: null,
    },
    mode: 'cap',
    changes: { messagesPerSecond },
    nextChangeAt: null,
  });
  assert.equal(laneLimits(layers, lane, [found(8)]).messages?.perSecond, 8);
  assert.equal(laneLimits(layers, lane, [found(80)]).messages?.perSecond, 50);
});
