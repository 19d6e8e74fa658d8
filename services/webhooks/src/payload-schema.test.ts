import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postedKinds, webhookBody, webhookEventJson, webhookTypeOf } from '@millrace/core';
import Value from 'typebox/value';
import { eventSchemas } from './payload-schema.ts';
import { event } from './webhooks-rig.ts';

test('a bounce says whether it came in the session or by a report afterwards', () => {
  const lateOf = (kind: string): unknown => JSON.parse(webhookEventJson(event('m', kind)) ?? '').data.late;
  assert.deepEqual(['bounced', 'bounced_late', 'delivered'].map(lateOf), [false, true, undefined]);
});

test('what is posted of each type is what its schema says, no more and no less', () => {
  for (const kind of postedKinds) {
    const type = webhookTypeOf(kind);
    const schema = type && eventSchemas.get(type);
    assert.ok(schema, kind);
    for (const over of [
      {},
      { next_attempt_at: 1, reply_code: null, tls: null, source: null, campaign: null },
    ]) {
      const posted: unknown = JSON.parse(webhookEventJson(event('m', kind, over)) ?? '');
      assert.deepEqual(Value.Errors(schema, posted), [], type);
      const data: unknown = Reflect.get(Object(posted), 'data');
      const declared: unknown = Reflect.get(
        Object(Reflect.get(Object(Reflect.get(schema, 'properties')), 'data')),
        'properties',
      );
      assert.deepEqual(Object.keys(Object(data)).sort(), Object.keys(Object(declared)).sort(), type);
    }
  }
  assert.equal(webhookBody(['{"a":1}', '{}']), '{"version":1,"events":[{"a":1},{}]}');
  assert.equal(webhookEventJson(event('m', 'unheard_of')), undefined);
});
