import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { builtInLimits, laneLimits, type Shaping } from '../shaping.ts';
import type { CapControl, Control } from './control.ts';
import { anyControl } from './control-specimens.ts';
import { applyLimitControls, limitsInForce } from './limit-controls.ts';

const isLimit = (control: Control) =>
  control.kind === 'limits' || control.kind === 'cap' || control.kind === 'adaptive';
const anyCap = anyControl.filter((control): control is CapControl => control.kind === 'cap');
const orUnlimited = (limit: number | null): number => limit ?? Number.POSITIVE_INFINITY;

const cap = (changes: CapControl['changes'], recovery: CapControl['recovery'] = null): CapControl => ({
  kind: 'cap',
  key: 'cap|lane:batch/gmail/ip1',
  scope: { kind: 'lane', stream: 'batch', site: 'gmail', source: 'ip1' },
  until: 10_000,
  reason: '',
  author: '',
  setAt: 0,
  changes,
  recovery,
});

test('caps only lower, however many there are and whenever one looks', () => {
  fc.assert(
    fc.property(fc.array(anyCap), fc.nat(1_000), fc.integer({ min: 1, max: 100 }), (caps, now, perSecond) => {
      const file = { ...builtInLimits, messagesPerSecond: perSecond, burst: 20 };
      const limits = applyLimitControls(
        file,
        caps.map((one) => limitsInForce(one, now)),
      );
      assert.ok(orUnlimited(limits.messagesPerSecond) <= perSecond);
      assert.ok(limits.connections <= file.connections && limits.connections >= 1);
      assert.ok((limits.burst ?? 0) <= 20);
      assert.ok(orUnlimited(limits.connectionsPerSecond) <= orUnlimited(file.connectionsPerSecond));
    }),
  );
});

test('a cap recovers step by step and never falls back', () => {
  fc.assert(
    fc.property(anyCap, fc.nat(2_000), fc.nat(2_000), (one, a, b) => {
      const [early, late] = a < b ? [a, b] : [b, a];
      const rateAt = (now: number) => orUnlimited(limitsInForce(one, now).changes.messagesPerSecond ?? null);
      assert.ok(rateAt(early) <= rateAt(late));
    }),
  );
  const one = cap(
    { messagesPerSecond: 1 / 60, connections: 1 },
    { startsAt: 1_000, stepEveryMs: 100, factor: 2 },
  );
  const at = (now: number) => applyLimitControls(builtInLimits, [limitsInForce(one, now)]);
  assert.equal(at(999).messagesPerSecond, 1 / 60);
  assert.equal(at(1_000).messagesPerSecond, 2 / 60);
  assert.equal(at(1_250).messagesPerSecond, 8 / 60);
  assert.deepEqual(
    [at(999), at(1_000), at(1_100), at(9_000)].map(({ connections }) => connections),
    [1, 2, 4, 10],
  );
});

test('an override wins over the file, a cap over the override', () => {
  const shaping: Shaping = {
    default: { limits: { messagesPerSecond: 100, burst: 10 }, streams: {} },
    isps: new Map(),
    sites: new Map(),
    domains: new Map(),
    messageLimits: [],
    sources: new Map(),
  };
  const lane = { stream: 'batch', isp: 'gmail', site: 'mx', source: 'ip1' } as const;
  const override = { ...cap({}), kind: 'limits', changes: { messagesPerSecond: 300, idleMs: 5 } } as const;
  const raised = laneLimits(shaping, lane, [limitsInForce(override, 0)]);
  assert.deepEqual(raised.messages, { perSecond: 300, burst: 10 });
  assert.equal(raised.idleMs, 5);
  const both = laneLimits(
    shaping,
    lane,
    [override, cap({ messagesPerSecond: 1 })].map((one) => limitsInForce(one, 0)),
  );
  assert.deepEqual(both.messages, { perSecond: 1, burst: 1 }, 'the burst of a fast rate is not let through');
});

test('every limit control says when it will say something else', () => {
  fc.assert(
    fc.property(anyControl.filter(isLimit), fc.nat(1_000), (control, now) => {
      if (!isLimit(control)) return;
      const { nextChangeAt } = limitsInForce(control, now);
      if (control.until === null || control.until > now)
        assert.ok(nextChangeAt === null || nextChangeAt > now);
    }),
  );
});
