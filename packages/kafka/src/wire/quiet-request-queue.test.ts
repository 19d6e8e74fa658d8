import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { topics } from '@millrace/core';
import { testInstallation } from '../test-installation.ts';
import { suppression } from '../test-records.ts';
import { installWire } from './install.ts';
import { type RequestQueue, requestQueueClass } from './kafkajs-internals.ts';

interface OpenQueue extends RequestQueue {
  push(request: object): void;
  scheduleRequestTimeoutCheck(): void;
}

const require = createRequire(import.meta.url);
const Queue: new (options: object) => OpenQueue = require('kafkajs/src/network/requestQueue/index.js');

test('a connection on which no request waits starts no timer', async () => {
  await using installation = await testInstallation([topics.suppressions]);
  const { prototype } = requestQueueClass;
  const installed = prototype.scheduleCheckPendingRequests;
  const timers: unknown[] = [];
  prototype.scheduleCheckPendingRequests = function counted() {
    const before = Reflect.get(this, 'throttleCheckTimeoutId');
    installed.call(this);
    if (Reflect.get(this, 'throttleCheckTimeoutId') !== before) timers.push(this);
  };
  try {
    const { kafka } = installation;
    const producer = await kafka.producer();
    for (const address of ['a@acme.example', 'b@acme.example'])
      await producer.send('Suppression', topics.suppressions, {
        key: address,
        value: suppression(address),
      });
    assert.equal(timers.length, 0);
  } finally {
    prototype.scheduleCheckPendingRequests = installed;
  }
});

test('a request whose answer is overdue fails, and one that may take longer goes on', (t) => {
  installWire();
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const logger = { debug: () => undefined };
  const queue = new Queue({ requestTimeout: 15_000, enforceRequestTimeout: true, logger });
  queue.scheduleRequestTimeoutCheck();
  const failed: string[] = [];
  for (const [correlationId, requestTimeout] of [null, 60_000].entries())
    queue.push({
      entry: { correlationId, resolve: () => undefined, reject: (error: Error) => failed.push(error.name) },
      expectResponse: true,
      requestTimeout,
      sendRequest: () => undefined,
    });
  t.mock.timers.tick(14_000);
  assert.deepEqual(failed, []);
  t.mock.timers.tick(3_000);
  assert.deepEqual(failed, ['KafkaJSRequestTimeoutError']);
  assert.deepEqual([...queue.inflight.keys()], [1]);
  queue.destroy();
});
