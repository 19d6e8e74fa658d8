import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileCheck } from './body-check.ts';
import type { FieldError } from './problem.ts';
import { SendBody } from './send-body.ts';

const check = compileCheck(SendBody);
const errorsOf = (value: unknown): readonly FieldError[] => {
  const checked = check(value);
  return checked.kind === 'wrong' ? checked.errors : [];
};

describe('what is wrong with a body', () => {
  test('names a missing field', () => {
    assert.deepEqual(errorsOf({ from: 'a@b.example' }), [{ field: 'to', message: 'is required' }]);
  });

  test('suggests the field that was meant', () => {
    assert.deepEqual(errorsOf({ to: ['a@b.example'], subjct: 'x' }), [
      { field: 'subjct', message: 'is not known; did you mean "subject"?' },
    ]);
  });

  test('points into lists and objects', () => {
    assert.deepEqual(errorsOf({ to: ['a@b.example', { address: 7 }, 5] }), [
      { field: 'to[1].address', message: 'must be a text' },
      { field: 'to[2]', message: 'must be a text or an object' },
    ]);
  });

  test('lists the values that a choice allows', () => {
    assert.deepEqual(errorsOf({ to: ['a@b.example'], stream: 'fast' }), [
      { field: 'stream', message: 'must be "realtime" or "batch"' },
    ]);
  });

  test('says of something that is no object what it must be', () => {
    for (const value of [null, [], 'x', 7]) {
      assert.deepEqual(errorsOf(value), [{ field: 'body', message: 'must be an object' }]);
    }
  });
});
