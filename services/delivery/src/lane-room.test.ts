import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LaneRoom } from './lane-room.ts';

const at = 1_700_000_000_000;

test('a lane that turns out slow keeps its fair share and no more', () => {
  const room = new LaneRoom(1_000, at);
  assert.equal(room.room(80), 3_000);
  for (let second = 1; second <= 8; second += 1) room.measure(2 * second, 500, at + second * 1_000);
  assert.equal(room.room(80), 80);
});

test('a lane whose first second brought nothing is not put off for minutes', () => {
  const room = new LaneRoom(1_000, at);
  room.measure(0, 500, at + 1_000);
  assert.ok(room.returnAt(500, at + 1_000) <= at + 3_000);
});

test('a lane without messages is not taken for a slow one', () => {
  const room = new LaneRoom(1_000, at);
  room.measure(0, 0, at + 1_000);
  assert.equal(room.pace, 1_000);
});

test('messages that find no room come back at the pace of the lane, within ten minutes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ min: 1, max: 300 }),
      (pace, backlog, count) => {
        const room = new LaneRoom(pace, at);
        let previous = at;
        let rounds = 1;
        for (let index = 0; index < count; index += 1) {
          const due = room.returnAt(backlog, at);
          assert.ok(due >= at + 1_000);
          assert.ok(due <= at + 600_000);
          if (due <= previous) rounds += 1;
          previous = due;
        }
        assert.ok(rounds <= 1 + count / pace / 299);
      },
    ),
  );
});

test('where a lane is known to be slow the last measure tells its room, not what it was expected to do', () => {
  const room = new LaneRoom(1_000, at);
  room.measure(2, 500, at + 1_000);
  assert.ok(room.room(8) > 1_000);
  assert.equal(room.room(8, true), 8);
  room.measure(2, 0, at + 2_000);
  assert.ok(room.room(8, true) > 1_000, 'an idle one is not known to be slow');
});
