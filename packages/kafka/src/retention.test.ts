import assert from 'node:assert/strict';
import { test } from 'node:test';
import kafkajs from 'kafkajs';
import { createClient } from './connection.ts';
import { testInstallation, until } from './test-installation.ts';
import { deliveryTask } from './test-records.ts';

const waiting = 'mail.batch.gmail';
const finished = 'mail.realtime.gmail';
const minuteMs = 60_000;

test('half of the retention used by the oldest unfinished record raises an alarm, whoever consumes or does not', async () => {
  await using installation = await testInstallation([waiting, finished], 2);
  const { kafka, options } = installation;
  const admin = createClient(options).admin();
  await admin.connect();
  await admin.alterConfigs({
    validateOnly: false,
    resources: [waiting, finished].map((topic) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: `${options.topicPrefix}${topic}`,
      configEntries: [{ name: 'retention.ms', value: String(60 * minuteMs) }],
    })),
  });
  await admin.disconnect();
  const producer = await kafka.producer();
  const now = Date.now();
  const put = (topic: string, minutes: number, key: string) =>
    producer.send('DeliveryTask', topic, {
      ...{ key, value: deliveryTask(), timestamp: now - minutes * minuteMs },
    });
  await put(waiting, 29, 'young');
  assert.deepEqual(await kafka.retention(0.5, now), []);
  // Nobody has ever read it.
  const alarm = { group: 'delivery-batch', topic: waiting, retentionMs: 60 * minuteMs, lost: 0 };
  assert.deepEqual(await kafka.retention(0.5, now + 2 * minuteMs), [{ ...alarm, records: 1 }]);
  await put(waiting, 28, 'young');
  await put(finished, 40, 'old');
  const consumer = await kafka.windowedConsumer({
    ...{ group: 'delivery-realtime', topics: [finished], record: 'DeliveryTask', commitIntervalMs: 20 },
    handler: (held) => held.complete(),
  });
  await until(async () => {
    const [lag] = await kafka.lag({ groups: ['delivery-realtime'] });
    return lag?.lag === 0 && lag.partitions.some(({ committed }) => committed === 1);
  }, 'the finished record');
  await consumer.stop();
  // What is finished may be as old as it likes; of two that wait, one has used half.
  const soon = await kafka.retention(0.5, now + 1.5 * minuteMs);
  assert.deepEqual(soon, [{ ...alarm, records: 1 }]);
  const later = await kafka.retention(0.5, now + 20 * minuteMs);
  assert.deepEqual(later, [{ ...alarm, records: 2 }]);
});
