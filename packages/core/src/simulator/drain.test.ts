import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LimitChanges, type Limits, laneLimits } from '../index.ts';
import { drain, type SimulatedLane } from './drain.ts';

const start = 1_900_000_000_000;
const limits = (changes: LimitChanges) =>
  laneLimits(
    {
      default: { limits: changes, streams: {} },
      isps: new Map(),
      sites: new Map(),
      domains: new Map(),
      messageLimits: [],
      sources: new Map(),
    },
    { stream: 'batch', isp: 'gmail', site: 'gmail', source: 'ip1' },
  );
const lane = (
  changes: Partial<Limits>,
  over: { readonly mailMs?: number; readonly connectMs?: number; readonly until?: number | null } = {},
): SimulatedLane => ({
  termsAt: (now) => {
    const { until } = over;
    const suspended = until === null || (until !== undefined && now < until);
    return {
      limits: limits(changes),
      suspendedUntil: suspended ? until : undefined,
      changesAt: suspended ? until : null,
    };
  },
  mailMs: over.mailMs ?? 10,
  connectMs: over.connectMs ?? 0,
});

const seconds = (queue: number, ...lanes: readonly SimulatedLane[]): number => {
  const drained = drain(queue, lanes, start);
  assert.equal(drained.kind, 'empty');
  return drained.kind === 'empty' ? (drained.at - start) / 1_000 : Number.NaN;
};
const about = (found: number, expected: number, share = 0.02) =>
  assert.ok(Math.abs(found - expected) <= expected * share + 0.1, `${found} s, not ${expected} s`);

test('a rate decides where connections are enough', () => {
  about(seconds(20_000, lane({ messagesPerSecond: 100, connections: 5 })), 200);
  about(seconds(120, lane({ messagesPerSecond: 1 / 60 })), 119 * 60);
});

test('connections decide where there is no rate: each has one mail at a time', () => {
  about(seconds(20_000, lane({ connections: 5, deliveriesPerConnection: 1_000_000 }, { mailMs: 50 })), 200);
});

test('connecting takes its time, and no more connections are opened than the rate allows', () => {
  const short = { connections: 1, deliveriesPerConnection: 10 };
  about(seconds(1_000, lane(short, { mailMs: 10, connectMs: 100 })), 1_000 * 0.01 + 100 * 0.1);
  const slow = { ...short, connections: 50, connectionsPerSecond: 1 };
  about(seconds(1_000, lane(slow, { mailMs: 1 })), 100, 0.08);
});

test('a second source adds its own rate, a suspended one nothing', () => {
  const rated = { messagesPerSecond: 50, connections: 5 };
  about(seconds(10_000, lane(rated), lane(rated)), 100);
  about(seconds(10_000, lane(rated), lane(rated, { until: null })), 200);
  assert.deepEqual(drain(7, [lane(rated, { until: null })], start), { kind: 'stuck', left: 7 });
  about(seconds(10_000, lane(rated, { until: start + 60_000 })), 260);
});

test('a suspension that ends later helps from then on', () => {
  const rated = { messagesPerSecond: 50, connections: 5 };
  // 100 s alone at 50 a second, then 5,000 left at 100 a second.
  about(seconds(10_000, lane(rated), lane(rated, { until: start + 100_000 })), 150);
});

test('a limit that recovers in steps is followed', () => {
  const recovering: SimulatedLane = {
    termsAt: (now) => {
      const step = Math.min(3, Math.floor((now - start) / 100_000));
      return {
        limits: limits({ messagesPerSecond: 10 * 2 ** step }),
        suspendedUntil: undefined,
        changesAt: step === 3 ? null : start + (step + 1) * 100_000,
      };
    },
    mailMs: 1,
    connectMs: 0,
  };
  // 1,000 + 2,000 + 4,000 in 300 s, the rest at 80 a second.
  about(seconds(15_000, recovering), 400);
});

test('millions take the pace of thousands, and no time to foretell', () => {
  const began = performance.now();
  about(seconds(5_000_000, lane({ messagesPerSecond: 1_000, connections: 20 })), 5_000);
  assert.ok(performance.now() - began < 10_000);
});

test('more never takes longer: sources, rates, connections', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (queue, messagesPerSecond, connections) => {
        const now = seconds(queue, lane({ messagesPerSecond, connections }));
        const slack = 0.2 + 2 / messagesPerSecond;
        assert.ok(
          seconds(queue, lane({ messagesPerSecond: messagesPerSecond * 2, connections })) <= now + slack,
        );
        assert.ok(seconds(queue, lane({ messagesPerSecond, connections: connections + 1 })) <= now + slack);
        const same = lane({ messagesPerSecond, connections });
        assert.ok(seconds(queue, same, same) <= now + slack);
        assert.ok(now >= (queue - 1 - messagesPerSecond * 0.2) / messagesPerSecond - 1);
      },
    ),
    { numRuns: 40 },
  );
});
