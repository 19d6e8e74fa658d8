import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EgressPool, type EgressSource } from './egress.ts';

const source = (name: string): EgressSource => ({
  name,
  address: undefined,
  address6: undefined,
  ehloName: name,
  relay: undefined,
  proxy: undefined,
});

test('over a round each source has exactly its share', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }), (weights) => {
      const pool = new EgressPool(
        weights.map((weight, index) => ({ source: source(String(index)), weight })),
      );
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const counts = weights.map(() => 0);
      for (let turn = 0; turn < total; turn += 1) {
        const index = Number(pool.next(() => true, 'a.example')?.name);
        counts[index] = (counts[index] ?? 0) + 1;
      }
      assert.deepEqual(counts, weights);
    }),
  );
});

test('a source that is not ready is passed over while another one is', () => {
  const pool = new EgressPool([
    { source: source('a'), weight: 9 },
    { source: source('b'), weight: 1 },
  ]);
  for (let turn = 0; turn < 5; turn += 1)
    assert.equal(pool.next(({ name }) => name === 'b', 'a.example')?.name, 'b');
  assert.ok(pool.next(() => false, 'a.example') !== undefined);
});

test('a sticky pool gives each domain one source by weight, and another one only while that is not allowed', () => {
  const pool = new EgressPool(
    [
      { source: source('a'), weight: 3 },
      { source: source('b'), weight: 1 },
      { source: source('c'), weight: 1 },
    ],
    true,
  );
  const domains = Array.from({ length: 2_000 }, (_, index) => `d${index}.example`);
  const first = domains.map((domain) => pool.next(() => true, domain)?.name);
  assert.deepEqual(
    domains.map((domain) => pool.next(() => false, domain)?.name),
    first,
  );
  const ofA = first.filter((name) => name === 'a').length;
  assert.ok(Math.abs(ofA / domains.length - 0.6) < 0.05, `${ofA} of ${domains.length}`);
  domains.forEach((domain, index) => {
    const without = pool.next(
      () => true,
      domain,
      ({ name }) => name !== 'a',
    )?.name;
    if (first[index] === 'a') assert.notEqual(without, 'a');
    else assert.equal(without, first[index]);
  });
});

test('what a source that is being warmed cannot take goes to others by their share of it, and with the plan it gets more', () => {
  const members = [
    { source: source('new'), weight: 1 },
    { source: source('old-1'), weight: 5, overflow: 3 },
    { source: source('old-2'), weight: 5, overflow: 1 },
    { source: source('aside'), weight: 5 },
  ];
  const pool = new EgressPool(members);
  const isWarming = ({ name }: EgressSource): boolean => name === 'new';
  /** A day of 400 mails, of which the new one may take so many. */
  const day = (cap: number): Record<string, number> => {
    const counts: Record<string, number> = { new: 0, 'old-1': 0, 'old-2': 0, aside: 0 };
    for (let mail = 0; mail < 400; mail += 1) {
      const ready = ({ name }: EgressSource): boolean => name !== 'new' || (counts.new ?? 0) < cap;
      const { name = '' } = pool.next(ready, 'a.example', undefined, isWarming) ?? {};
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  };
  assert.deepEqual(day(40), { new: 40, 'old-1': 270, 'old-2': 90, aside: 0 });
  assert.deepEqual(day(80), { new: 80, 'old-1': 240, 'old-2': 80, aside: 0 });
  assert.deepEqual(day(200), { new: 200, 'old-1': 150, 'old-2': 50, aside: 0 });
  assert.deepEqual(day(400), { new: 400, 'old-1': 0, 'old-2': 0, aside: 0 });
});

test('overflow goes to the one that may send, and weights hold again once nothing is being warmed', () => {
  const pool = new EgressPool([
    { source: source('new'), weight: 3 },
    { source: source('old-1'), weight: 1, overflow: 9 },
    { source: source('old-2'), weight: 1, overflow: 1 },
  ]);
  const isWarming = ({ name }: EgressSource): boolean => name === 'new';
  const notFirst = ({ name }: EgressSource): boolean => name !== 'old-1';
  for (let turn = 0; turn < 5; turn += 1)
    assert.equal(pool.next(({ name }) => name !== 'new', 'a', notFirst, isWarming)?.name, 'old-2');
  const counts = new Map<string, number>();
  for (let turn = 0; turn < 100; turn += 1) {
    const name =
      pool.next(
        () => true,
        'a',
        undefined,
        () => false,
      )?.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  assert.deepEqual([counts.get('new'), counts.get('old-1'), counts.get('old-2')], [60, 20, 20]);
});
