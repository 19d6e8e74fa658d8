import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { incompatibility } from './schema-compatibility.ts';

const schema = (...fields: object[]): string => JSON.stringify({ type: 'record', name: 'R', fields });
const id = { name: 'id', type: 'string', default: '' };

describe('schema compatibility', () => {
  it('takes a new field that has a default', () => {
    assert.equal(
      incompatibility(schema(id), schema(id, { name: 'more', type: 'int', default: 0 })),
      undefined,
    );
  });

  it('refuses a new field without a default, because old records lack it', () => {
    assert.match(
      incompatibility(schema(id), schema(id, { name: 'more', type: 'int' })) ?? '',
      /cannot read old records/,
    );
  });

  it('refuses to drop a field that old readers need', () => {
    const needed = { name: 'needed', type: 'string' };
    assert.match(incompatibility(schema(id, needed), schema(id)) ?? '', /cannot read new records/);
  });

  it('refuses a changed type', () => {
    assert.notEqual(incompatibility(schema(id), schema({ name: 'id', type: 'int', default: 0 })), undefined);
  });
});
