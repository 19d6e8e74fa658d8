import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Control, Suspension } from '@millrace/core';
import type { Job } from '../job.ts';
import { testJob } from '../job-rig.ts';
import { HeldBack } from './held-back.ts';

const suspension = (until: number | null = null): Suspension => ({
  kind: 'suspension',
  key: 'suspension|tenant:acme',
  scope: { kind: 'tenant', name: 'acme' },
  until,
  reason: 'a test',
  author: 'test',
  setAt: 1,
});

const lane = 'batch/gmail/one';
const stops: (() => void)[] = [];
after(() => {
  for (const stop of stops) stop();
});

const heldBack = (mostOfPartition: number) => {
  const placed: Job[] = [];
  const postponed: number[] = [];
  const clock = { now: 1_000_000 };
  const table = new Map<string, Control>();
  const held: HeldBack = new HeldBack({
    current: (key) => table.get(key),
    mayBeSent: () => true,
    place: (jobs) => {
      placed.push(...jobs);
    },
    postpone: (_, dueAt) => {
      postponed.push(dueAt);
    },
    mostOfPartition,
    now: () => clock.now,
  });
  stops.push(() => held.stop());
  return { held, placed, postponed, clock, table };
};

const count = (held: HeldBack): number => held.lanes().reduce((sum, { jobs }) => sum + jobs.length, 0);

test('a suspension takes a share of a partition’s window; what is beyond comes back one after the other', () => {
  const { held, postponed, clock } = heldBack(3);
  for (let index = 0; index < 10; index += 1) held.hold(testJob(), suspension(), lane, false);
  assert.equal(count(held), 3);
  assert.equal(postponed.length, 7);
  assert.equal(new Set(postponed).size, 7);
  assert.ok(postponed.every((at) => at > clock.now && at < clock.now + 600_000));
});

test('nothing waits in a delay tier beyond the end of the suspension', () => {
  const { held, postponed, clock } = heldBack(0);
  held.hold(testJob(), suspension(clock.now + 5_000), lane, false);
  assert.deepEqual(postponed, [clock.now + 5_000]);
});

test('where nothing else comes through the partition all of its window waits', () => {
  const { held, postponed } = heldBack(3);
  for (let index = 0; index < 10; index += 1) held.hold(testJob(), suspension(), lane, true);
  assert.equal(count(held), 10);
  assert.equal(postponed.length, 0);
});

test('what controls place anew and hold again has waited since the first time', () => {
  const clock = { now: 1_000_000 };
  const control = suspension();
  const held: HeldBack = new HeldBack({
    current: () => control,
    mayBeSent: () => true,
    place: (jobs) => {
      for (const job of jobs) held.hold(job, control, lane, false);
    },
    postpone: () => assert.fail('there is room'),
    mostOfPartition: 2,
    now: () => clock.now,
  });
  stops.push(() => held.stop());
  for (const job of [testJob(), testJob()]) held.hold(job, control, lane, false);
  clock.now += 9_000;
  held.release();
  assert.equal(count(held), 2);
  assert.equal(held.lanes()[0]?.since, 1_000_000);
});

test('the end of a suspension, and its undoing, let them go on', async () => {
  const { held, placed, table } = heldBack(5);
  const control = suspension();
  table.set(control.key, control);
  const job = testJob();
  held.hold(job, control, lane, false);
  await new Promise((resolve) => setTimeout(resolve, 450));
  assert.equal(placed.length, 0);
  table.delete(control.key);
  while (placed.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(placed, [job]);
  assert.equal(count(held), 0);
});
