import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecentIds } from './recent-ids.ts';

test('an id is new once, and again after as many others as are remembered', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9).map(String)), (most, told) => {
      const ids = new RecentIds(most);
      let remembered: string[] = [];
      for (const id of told) {
        const isNew = !remembered.includes(id);
        assert.equal(ids.isNew(id), isNew);
        if (isNew) remembered = [...remembered, id].slice(-most);
      }
    }),
  );
});
