import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topics } from '@millrace/core';
import { testInstallation } from '../test-installation.ts';
import { suppression } from '../test-records.ts';
import { requestQueueClass } from './kafkajs-internals.ts';

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
