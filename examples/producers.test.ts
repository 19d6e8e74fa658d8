/** Both examples as a user runs them: processes of their own, on the real Kafka and the real registry. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { tenantFacts, validateSendRequest } from '@millrace/core';
import type { ReadRecord } from '@millrace/kafka';
import { testInstallation } from '@millrace/kafka/testing';
import type { SendRequest } from '@millrace/schemas';
import { pythonWithRequirements } from './python-environment.ts';

const run = promisify(execFile);
const topic = 'mail.requests';

/** What the router would hold the request against. */
const acme = tenantFacts({
  tenants: {
    acme: {
      default_stream: 'batch',
      categories: {},
      from_domains: ['acme.example'],
      pools: { realtime: 'realtime', batch: 'batch' },
    },
  },
  pools: { realtime: { stream: 'realtime' }, batch: { stream: 'batch' } },
  dkim: [],
}).get('acme');

const producers = [
  {
    name: 'TypeScript',
    command: async () => [process.execPath, join(import.meta.dirname, 'typescript', 'send.ts')] as const,
  },
  {
    name: 'Python',
    command: async () =>
      [await pythonWithRequirements(), join(import.meta.dirname, 'python', 'send.py')] as const,
  },
];

for (const { name, command } of producers) {
  test(`the ${name} producer puts a valid request on mail.requests`, { timeout: 240_000 }, async () => {
    const [program, script] = await command();
    await using installation = await testInstallation([topic], 2);
    const { options, kafka } = installation;
    const fullTopic = `${options.topicPrefix}${topic}`;
    const { stdout } = await run(program, [script, 'ada@gmail.com', 'grace@yahoo.com'], {
      env: {
        ...process.env,
        KAFKA_BROKERS: options.brokers.join(','),
        SCHEMA_REGISTRY_URL: options.registry.url,
        MILLRACE_TENANT: 'acme',
        MILLRACE_TOPIC: fullTopic,
        MILLRACE_FROM: 'shop@acme.example',
      },
      timeout: 60_000,
    });
    const read: ReadRecord<SendRequest>[] = [];
    const tail = await kafka.tail({
      topic,
      record: 'SendRequest',
      from: 'earliest',
      onRecord: (record) => {
        read.push(record);
      },
    });
    await tail.caughtUp();
    const [record] = read;
    assert.equal(read.length, 1);
    assert.ok(record);
    const { value } = record;
    assert.deepEqual(JSON.parse(stdout), {
      topic: fullTopic,
      partition: record.partition,
      offset: String(record.offset),
      recipients: 2,
    });
    assert.equal(record.key?.toString(), `acme/${value.idempotency_key}`);
    assert.equal(value.tenant, 'acme');
    assert.deepEqual({ ...value.mail_from }, { address: 'shop@acme.example', name: 'The Shop' });
    assert.deepEqual(
      value.recipients.map(({ address }) => address),
      ['ada@gmail.com', 'grace@yahoo.com'],
    );
    assert.equal(value.composed?.subject, 'Your order 4711');
    assert.deepEqual(value.metadata, { order: '4711' });
    // What was left out has its default, and the router finds nothing wrong.
    assert.equal(value.guarantee, 'at_least_once');
    assert.equal(value.stream, null);
    assert.deepEqual(validateSendRequest(value, acme, Date.now()), []);
  });

  test(`the ${name} producer says how it is used, and fails where its topic has no schema`, {
    timeout: 240_000,
  }, async () => {
    const [program, script] = await command();
    const without = await run(program, [script]).catch((error: unknown) => error);
    assert.match(String(Reflect.get(Object(without), 'stderr')), /usage: .* ADDRESS/);
    assert.equal(Reflect.get(Object(without), 'code'), 2);
    const failed = await run(program, [script, 'ada@gmail.com'], {
      env: { ...process.env, MILLRACE_TOPIC: 'nobody.registered.this' },
      timeout: 60_000,
    }).catch((error: unknown) => error);
    assert.match(String(Reflect.get(Object(failed), 'stderr')), /nobody\.registered\.this-value/);
  });
}
