import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { shapingJsonSchema } from './json-schema.ts';
import { parseShaping, shippedShapingFile } from './parse-shaping.ts';

const holds = new Ajv2020({ allErrors: true }).compile(shapingJsonSchema());

test('the published schema takes the shipped file, which names it for editors', () => {
  const text = readFileSync(shippedShapingFile, 'utf8');
  assert.ok(holds(parse(text)), JSON.stringify(holds.errors));
  const [, named = ''] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text) ?? [];
  const schema = JSON.parse(readFileSync(new URL(named, `file://${shippedShapingFile}`), 'utf8'));
  assert.deepEqual(schema, JSON.parse(JSON.stringify(shapingJsonSchema())));
});

const taken = (text: string): boolean => {
  try {
    parseShaping(text, 'shaping.yaml');
    return true;
  } catch {
    return false;
  }
};

for (const [text, expected] of [
  ['default: { connection_limit: 5, streams: { batch: { max_message_rate: 10/min } } }', true],
  ['isps: { gmail: { tls: required, timeouts: { data: 5s } } }', true],
  ['sites: { "(a|b).mx.test": { retry_schedule: [1m, 5m] } }', true],
  ['sources: { ip1: { max_connection_rate: unlimited } }', true],
  ['default: { connection_limit: 0 }', false],
  ['default: { max_message_rate: 100 }', false],
  ['default: { idle_timeout: 60 }', false],
  ['isps: { gmial: { tls: required } }', false],
  ['isps: { gmail: { tls: requird } }', false],
  ['isps: { gmail: { timeouts: { ehol: 5s } } }', false],
  ['isps: { gmail: { streams: { both: { burst: 1 } } } }', false],
  ['defaults: { burst: 1 }', false],
  ['sources: { "ip 1": { burst: 1 } }', false],
] as const) {
  test(`schema and parser agree that this is ${expected ? 'right' : 'wrong'}: ${text}`, () => {
    assert.equal(taken(text), expected);
    assert.equal(holds(parse(text)), expected);
  });
}
