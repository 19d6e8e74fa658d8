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
