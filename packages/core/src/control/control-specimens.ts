/** For tests: scopes and controls of every kind, made up. */
import fc from 'fast-check';
import { isps } from '../isp.ts';
import type { LaneOf } from '../lane.ts';
import { streams } from '../stream.ts';
import type { Control } from './control.ts';
import type { ControlFacts, ControlScope } from './control-scope.ts';
import { controlKey, isControlKind, scopesOfKind } from './parse-control.ts';

const stream = fc.constantFrom(...streams);
/** Few, so that scopes meet facts. */
const word = fc.constantFrom('ip1', 'ip2', 'acme', 'mx.a.test', '(a|b)?.mx.b.test');
const domain = fc.constantFrom('a.test', 'b.test');

const scopes: readonly fc.Arbitrary<ControlScope>[] = [
  fc.record({ kind: fc.constant('lane'), stream, site: fc.oneof(word, fc.constant('gmail')), source: word }),
  fc.record({ kind: fc.constant('isp'), stream, site: fc.constantFrom('gmail', 'other', 'mx.a.test') }),
  fc.record({ kind: fc.constantFrom('source', 'pool', 'tenant'), name: word }),
  fc.record({
    kind: fc.constant('campaign'),
    tenant: word,
    name: fc.constantFrom('spring', 'spring/2 sale'),
  }),
  fc.record({ kind: fc.constant('domain'), name: domain }),
  fc.record({ kind: fc.constant('sender'), stream, domain }),
  fc.record({ kind: fc.constant('warmup'), source: word }),
  fc.constant({ kind: 'shaping' }),
];
export const anyScope: fc.Arbitrary<ControlScope> = fc.oneof(...scopes).map((scope) => ({ ...scope }));

export const anyLane: fc.Arbitrary<LaneOf> = fc.record({
  stream,
  isp: fc.constantFrom('gmail', 'other'),
  site: fc.constantFrom('mx.a.test', '(a|b)?.mx.b.test'),
  source: fc.constantFrom('ip1', 'ip2'),
});

export const anyFacts: fc.Arbitrary<ControlFacts> = fc
  .tuple(anyLane, word, word, fc.constantFrom(null, 'spring', 'spring/2 sale'), domain, domain)
  .map(([lane, pool, tenant, campaign, to, from]) => ({
    ...lane,
    pool,
    tenant,
    campaign,
    domain: to,
    senderDomain: from,
  }));

const changes = fc.record(
  {
    connections: fc.integer({ min: 1, max: 50 }),
    messagesPerSecond: fc.double({ min: 0.01, max: 1_000, noNaN: true }),
    connectionsPerSecond: fc.double({ min: 0.01, max: 100, noNaN: true }),
    burst: fc.integer({ min: 1, max: 50 }),
  },
  { requiredKeys: [] },
);

const recovery = fc.record({
  startsAt: fc.integer({ min: 1, max: 1_000 }),
  stepEveryMs: fc.integer({ min: 1, max: 500 }),
  factor: fc.double({ min: 1.1, max: 4, noNaN: true }),
});

const perSecond = fc.double({ min: 0.01, max: 1_000, noNaN: true });
const found = fc.record({
  perSecond,
  proven: fc.oneof(fc.constant(0), perSecond),
  ceiling: fc.option(perSecond),
  waiting: fc.boolean(),
  probeAfterMs: fc.integer({ min: 1, max: 1_000 }),
});

const values = fc.oneof(
  fc.record({ kind: fc.constantFrom('suspension', 'drop', 'hold') }),
  fc.record({ kind: fc.constant('limits'), changes }),
  fc.record({ kind: fc.constant('adaptive'), changes, found: fc.option(found) }),
  fc.record({ kind: fc.constant('cap'), changes, recovery: fc.option(recovery) }),
  fc.record({
    kind: fc.constant('move'),
    to: fc.record({ kind: fc.constantFrom('source', 'pool'), name: word }),
  }),
  fc.record({
    kind: fc.constant('warmup'),
    plan: word,
    day: fc.integer({ min: 1, max: 90 }),
    date: fc.constantFrom('2026-11-24', '2027-02-28'),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin'),
    caps: fc.dictionary(fc.constantFrom(...isps), fc.integer({ min: 0, max: 9_999 })),
    spent: fc.subarray([...isps]),
    dayEndsAt: fc.integer({ min: 1, max: 1_000 }),
    completed: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('shaping'), yaml: fc.string(), name: word }),
);

/** A control that may stand in mail.control. Times from 0 to 1,000. */
export const anyControl: fc.Arbitrary<Control> = fc
  .tuple(
    values,
    anyScope,
    fc.record({
      until: fc.option(fc.integer({ min: 0, max: 1_000 })),
      reason: fc.string(),
      author: word,
      setAt: fc.nat(1_000),
    }),
  )
  .filter(([{ kind }, scope]) => isControlKind(kind) && scopesOfKind[kind].includes(scope.kind))
  // The filter says which values go with which scopes, types cannot; a clone has the prototypes of parsed JSON.
  .map(
    ([value, scope, head]) =>
      structuredClone({ ...head, ...value, scope, key: controlKey(value.kind, scope) }) as Control,
  );
