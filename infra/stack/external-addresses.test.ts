import assert from 'node:assert/strict';
import { test } from 'node:test';
import { externalAddresses } from './external-addresses.ts';

const all = {
  KAFKA_BROKERS: 'kafka:9092',
  SCHEMA_REGISTRY_URL: 'http://registry:8081',
  REDIS_URL: 'redis://redis:6379',
};

test('servers of the user are used when all three addresses are set', () => {
  assert.deepEqual(externalAddresses(all), all);
  assert.equal(externalAddresses({}), undefined);
  assert.equal(externalAddresses({ KAFKA_BROKERS: '', REDIS_URL: ' ' }), undefined);
});

test('some of them and not others is an error that names both', () => {
  assert.throws(() => externalAddresses({ ...all, REDIS_URL: undefined }), {
    code: 'ERR_STACK_HALF_SET',
    message: /^KAFKA_BROKERS and SCHEMA_REGISTRY_URL are set but REDIS_URL is not: /,
  });
  assert.throws(() => externalAddresses({ KAFKA_BROKERS: 'a:1' }), {
    message: /^KAFKA_BROKERS is set but SCHEMA_REGISTRY_URL and REDIS_URL are not: /,
  });
});
