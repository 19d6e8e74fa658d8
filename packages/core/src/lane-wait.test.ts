import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { gcra } from './gcra.ts';
import { type LaneFacts, laneWait, tokenLevel } from './lane-wait.ts';
import { laneLimits } from './shaping.ts';
import { sharedRate } from './shared-lane.ts';

const now = 1_900_000_000_000;
const limits = laneLimits(
  {
    default: {
      limits: { messagesPerSecond: 1 / 60, connectionsPerSecond: 1 / 60, connections: 2 },
      streams: {},
    },
    isps: new Map(),
    sites: new Map(),
    domains: new Map(),
    messageLimits: [],
    sources: new Map(),
  },
  { stream: 'batch', isp: 'gmail', site: 'gmail', source: 'ip1' },
);
const free: LaneFacts = {
  limits,
  suspension: undefined,
  heldUntil: undefined,
  messagesFullAt: undefined,
  connectionsFullAt: undefined,
  connections: 0,
};
const later = (ms: number): number => (now + ms) * 1_000;

test('a lane at rest waits for nothing', () => {
  assert.deepEqual(laneWait(free, now), { kind: 'nothing' });
});

test('failing connections hold it until one probes, unless some are open', () => {
  const held = { ...free, messagesFullAt: later(45_000), heldUntil: now + 9_000 };
  assert.deepEqual(laneWait(held, now), { kind: 'held', nextAt: now + 9_000 });
  assert.deepEqual(laneWait({ ...held, connections: 1 }, now).kind, 'rate');
  assert.deepEqual(laneWait({ ...held, messagesFullAt: undefined }, now + 9_000), { kind: 'nothing' });
});

test('what is needed first is named first', () => {
  const empty = { ...free, messagesFullAt: later(45_000), connectionsFullAt: later(30_000), connections: 2 };
  const suspended = { ...empty, suspension: { until: null } };
  assert.deepEqual(laneWait(suspended, now), { kind: 'suspended', until: null });
  assert.deepEqual(laneWait(empty, now), { kind: 'rate', nextAt: now + 45_000 });
  assert.deepEqual(laneWait({ ...empty, messagesFullAt: undefined }, now), { kind: 'connections' });
  const alone = { ...empty, messagesFullAt: undefined, connections: 0 };
  assert.deepEqual(laneWait(alone, now), { kind: 'connection_rate', nextAt: now + 30_000 });
  assert.deepEqual(laneWait({ ...alone, connections: 1 }, now), { kind: 'nothing' });
});

test('the next token comes when gcra grants it, and not before', () => {
  fc.assert(
    fc.property(
      fc.record({
        perSecond: fc.double({ min: 0.001, max: 1_000, noNaN: true }),
        burst: fc.integer({ min: 1, max: 100 }),
      }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (rate, filled) => {
        const shared = sharedRate(rate);
        const fullAt = Math.round(now * 1_000 + filled * 2 * shared.burst * shared.intervalUs);
        const { tokens, nextAt } = tokenLevel(rate, fullAt, now);
        const grantedAt = (ms: number) => gcra(fullAt, ms * 1_000, shared, shared.burst).granted;
        assert.equal(grantedAt(now), tokens);
        if (tokens > 0) assert.equal(nextAt, now);
        else {
          assert.ok(grantedAt(nextAt) >= 1);
          // Two ms are rounded, and gcra takes a millionth of an interval for rounding too.
          const before = nextAt - 2 - (2e-6 * shared.intervalUs) / 1_000;
          if (before > now) assert.equal(grantedAt(before), 0);
        }
      },
    ),
  );
});
