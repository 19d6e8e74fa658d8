import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WarmUpProgress } from './control.ts';
import { ControlTable } from './control-table.ts';
import { controlRecord } from './parse-control.ts';

const progress: WarmUpProgress = {
  kind: 'warmup',
  key: 'warmup|warmup:ip1',
  scope: { kind: 'warmup', source: 'ip1' },
  ...{ until: null, reason: '', author: 'warm-up', setAt: 0, plan: 'own', day: 3, date: '2026-11-24' },
  ...{ timeZone: 'UTC', caps: { gmail: 3_600, yahoo: 0 }, spent: [], dayEndsAt: 1_000, completed: false },
};
const lane = { stream: 'batch', isp: 'gmail', site: 'mx', source: 'ip1' } as const;

const tableOf = (over: Partial<WarmUpProgress>): ControlTable => {
  const table = new ControlTable();
  assert.equal(table.apply(progress.key, controlRecord({ ...progress, ...over })).kind, 'set');
  return table;
};
const paceAt = (table: ControlTable, now: number) =>
  table.limitChangesOf(lane, now).inForce[0]?.changes.messagesPerSecond;

test('a provider that has had the mails of the day is held back until the next one, others are not', () => {
  const table = tableOf({ spent: ['gmail'] });
  const blocking = table.blocking(lane, 999);
  assert.equal(blocking?.until, 1_000);
  assert.equal(blocking.control.reason, '3600 mails to gmail are out: day 3 of the warm-up plan own');
  assert.equal(table.blocking(lane, 1_000), undefined);
  assert.equal(table.blocking({ ...lane, isp: 'comcast' }, 999), undefined);
  assert.equal(table.blocking({ ...lane, source: 'ip2' }, 999), undefined);
  assert.equal(table.blocking({ ...lane, isp: 'yahoo' }, 999)?.until, 1_000, 'no mails at all');
});

test('a day does not go out at once, and a cap holds although nobody counts any more', () => {
  const table = tableOf({});
  assert.equal(paceAt(table, 999), 1);
  assert.equal(table.limitChangesOf(lane, 999).nextChangeAt, 1_000);
  assert.equal(paceAt(table, 1_000), 3_600 / 86_400);
  assert.equal(paceAt(tableOf({ caps: {}, completed: true }), 999), undefined);
});
