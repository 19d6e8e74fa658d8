import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeMark, encodeMark, ReplayLedger, type ReplayMark, rangesOf } from './replay-ledger.ts';

const mark = (replay: string, state: ReplayMark['state'], first: number, last = first, again = false) => ({
  ...{ replay, state, again },
  offsets: [[first, last]] as const,
});

test('a letter is of the replay that the log has first, and is replayed when that says so', () => {
  const ledger = new ReplayLedger();
  ledger.apply(mark('a', 'begun', 0, 5));
  ledger.apply(mark('b', 'begun', 4, 7));
  assert.ok(ledger.owns('a', 5) && !ledger.owns('b', 5) && ledger.owns('b', 6));
  ledger.apply(mark('b', 'done', 4, 7));
  assert.deepEqual(
    [3, 5, 6, 8].map((offset) => ledger.stateOf(offset)),
    ['begun', 'begun', 'replayed', 'waiting'],
  );
  assert.ok(!ledger.owns('b', 6), 'it has sent it');
});

test('what was given back waits again; what was taken once more and given back is as it was', () => {
  const ledger = new ReplayLedger();
  ledger.apply(mark('a', 'begun', 0, 1));
  ledger.apply(mark('a', 'done', 0));
  ledger.apply(mark('a', 'given_back', 1));
  assert.deepEqual([ledger.stateOf(0), ledger.stateOf(1)], ['replayed', 'waiting']);
  ledger.apply(mark('b', 'begun', 0, 1, true));
  ledger.apply(mark('b', 'given_back', 0, 1));
  assert.deepEqual([ledger.stateOf(0), ledger.stateOf(1)], ['replayed', 'waiting']);
});

test('marks are read as they were written, and nothing else is one', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), fc.boolean(), (offsets, again) => {
      const ranges = rangesOf(offsets.sort((a, b) => a - b));
      const written: ReplayMark = { replay: 'r', state: 'begun', offsets: ranges, again };
      assert.deepEqual(decodeMark(encodeMark(written)), written);
      const ledger = new ReplayLedger();
      ledger.apply(written);
      for (let offset = 0; offset <= 50; offset += 1)
        assert.equal(ledger.owns('r', offset), offsets.includes(offset));
    }),
  );
  for (const text of ['', '{', 'null', '{"replay":"r","state":"over","offsets":[],"again":false}'])
    assert.equal(decodeMark(Buffer.from(text)), undefined);
  const upsideDown = { ...mark('r', 'begun', 5, 1) };
  assert.equal(decodeMark(encodeMark(upsideDown)), undefined);
});
