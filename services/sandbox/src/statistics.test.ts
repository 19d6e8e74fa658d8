import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IspCounters } from './statistics.ts';

const source = '127.0.3.1';

test('the last ten minutes of a source, oldest second first, the present one last', () => {
  const counters = new IspCounters();
  const start = 1_800_000_000_000;
  const accept = (second: number) => counters.mailAccepted(source, 1, false, 1, start + second * 1_000);
  for (const second of [0, 0, 1, 599, 599, 599]) accept(second);
  const lastSeconds = (second: number) =>
    counters.snapshot(start + second * 1_000).sources[source]?.last_seconds ?? [];
  const ten = lastSeconds(599);
  assert.equal(ten.length, 600);
  assert.deepEqual([ten[0], ten[1], ten[2], ten[599]], [2, 1, 0, 3]);
  const later = lastSeconds(601);
  assert.deepEqual([later[0], later[597], later[598], later[599]], [0, 3, 0, 0]);
  assert.deepEqual(counters.snapshot(start).sources[source]?.worst_second, {
    at: start + 599_000,
    accepted: 3,
  });
});
