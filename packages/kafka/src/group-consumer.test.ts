import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Consumer as KafkaJsConsumer } from 'kafkajs';
import { createClient } from './connection.ts';
import { GroupConsumer } from './group-consumer.ts';
import { silentLogger } from './log.ts';
import { testInstallation, until } from './test-installation.ts';
import { deliveryTask } from './test-records.ts';

const shard = 'mail.batch.gmail';

test('where kafkajs goes on further down the log than this consumer has read, nothing in between is left out', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka, options } = installation;
  const producer = await kafka.producer();
  const produce = (count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, () =>
        producer.send('DeliveryTask', shard, { key: 'one', value: deliveryTask() }),
      ),
    );
  const client = createClient(options);
  const made: KafkaJsConsumer[] = [];
  const makeConsumer = client.consumer.bind(client);
  client.consumer = (config) => {
    const consumer = makeConsumer(config);
    made.push(consumer);
    return consumer;
  };
  const admin = client.admin();
  await admin.connect();
  const prefix = options.topicPrefix ?? '';
  const handled: number[] = [];
  const consumer = new GroupConsumer(
    {
      kafka: client,
      admin: async () => admin,
      codec: kafka.codec,
      prefix,
      logger: silentLogger,
      producer: async () => producer,
    },
    {
      group: 'delivery',
      topics: [shard],
      record: 'DeliveryTask',
      handler: (held) => {
        handled.push(held.offset);
        held.complete();
      },
    },
  );
  await consumer.start();
  try {
    await produce(30);
    await until(() => handled.length === 30, 'the first records');
    consumer.pause(shard);
    await produce(100);
    // As a seek that was meant for an earlier stay of the partition here.
    for (const one of made) one.seek({ topic: prefix + shard, partition: 0, offset: '80' });
    consumer.resume(shard);
    await until(async () => (await kafka.lag({ groups: ['delivery'] }))[0]?.lag === 0, 'the end of the log');
    assert.deepEqual(
      handled,
      Array.from({ length: 130 }, (_, offset) => offset),
    );
  } finally {
    await consumer.stop();
    await admin.disconnect();
  }
});
