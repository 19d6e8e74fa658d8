import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latencyOf } from './percentiles.ts';

test('percentiles are values that were there, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(latencyOf(hundred), { p50: 50, p95: 95, p99: 99, max: 100 });
  assert.deepEqual(latencyOf([7.126]), { p50: 7.13, p95: 7.13, p99: 7.13, max: 7.13 });
});

test('nothing that arrived is no latency of zero', () => {
  assert.throws(() => latencyOf([]), /nothing arrived/);
});
