import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { createClient } from './connection.ts';
import type { Kafka } from './kafka.ts';
import { type TestInstallation, testInstallation, until } from './test-installation.ts';
import { deliveryTask, suppression } from './test-records.ts';
import { topicSpecs } from './topics.ts';
import type { KafkaJsClass } from './wire/kafkajs-internals.ts';

const require = createRequire(import.meta.url);
const brokerPoolClass: KafkaJsClass<{
  refreshMetadataIfNecessary(topics: readonly string[]): Promise<unknown>;
}> = require('kafkajs/src/cluster/brokerPool.js');

const table = 'mail.suppressions';
const shard = 'mail.realtime.gmail';

/** The shard's full name. */
const topicOf = ({ options }: TestInstallation): string => `${options.topicPrefix}${shard}`;

/** Sends one task of that attempt, all under one key. */
async function attemptsTo(kafka: Kafka): Promise<(attempt: number) => Promise<void>> {
  const producer = await kafka.producer();
  return (attempt) => producer.send('DeliveryTask', shard, { key: 'key', value: deliveryTask({ attempt }) });
}

async function adminOf({ options }: TestInstallation) {
  const client = createClient(options).admin();
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.disconnect() };
}

test('a table has the newest value of each key, follows it, and forgets what is deleted', async () => {
  await using installation = await testInstallation([table], 3);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const put = (address: string, reason: string) =>
    producer.send('Suppression', table, { key: address, value: suppression(address, { reason }) });
  await Promise.all([put('a@x.example', 'bounce'), put('b@x.example', 'manual')]);
  await put('a@x.example', 'complaint');
  await producer.sendTombstone(table, 'b@x.example');
  const rows = new Map<string, string>();
  let caughtUp = 0;
  const followed = await kafka.followedTable({
    topic: table,
    record: 'Suppression',
    onChange: (key, value) => {
      if (value === null) rows.delete(key);
      else rows.set(key, value.reason);
    },
    onCaughtUp: () => {
      caughtUp += 1;
    },
  });
  await followed.caughtUp();
  assert.deepEqual([...rows], [['a@x.example', 'complaint']]);
  assert.equal(caughtUp, 1);
  await put('c@x.example', 'unsubscribe');
  await followed.catchUp();
  assert.equal(rows.get('c@x.example'), 'unsubscribe');
});

test('an empty table is caught up at once', async () => {
  await using installation = await testInstallation([table], 2);
  const followed = await installation.kafka.followedTable({
    topic: table,
    record: 'Suppression',
    onChange: () => assert.fail('there is nothing'),
  });
  await followed.caughtUp();
  await followed.catchUp();
});

test('a tail reads from now on, from the beginning, or from a time, in no group', async () => {
  await using installation = await testInstallation([shard], 2);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const send = (attempt: number, timestamp: number) =>
    producer.send('DeliveryTask', shard, { key: `${attempt}`, value: deliveryTask({ attempt }), timestamp });
  const start = Date.now() - 60_000;
  for (const attempt of [0, 1, 2, 3]) await send(attempt, start + attempt * 1_000);
  const reading = async (from: 'latest' | 'earliest' | number) => {
    const read: number[] = [];
    const tail = await kafka.tail({
      topic: shard,
      record: 'DeliveryTask',
      from,
      onRecord: ({ value }) => {
        read.push(value.attempt);
      },
    });
    return { read, tail };
  };
  const readers = await Promise.all([reading('latest'), reading('earliest'), reading(start + 2_000)]);
  await send(4, Date.now());
  await Promise.all(readers.map(({ tail }) => tail.caughtUp()));
  assert.deepEqual(
    readers.map(({ read }) => read.toSorted()),
    [[4], [0, 1, 2, 3, 4], [2, 3, 4]],
  );
  assert.deepEqual(await kafka.lag(), []);
  await Promise.all(readers.map(({ tail }) => tail.stop()));
});

test('a tail goes on where the log begins when what it was to read next is gone', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  const send = await attemptsTo(kafka);
  for (const attempt of [0, 1, 2]) await send(attempt);
  const read: number[] = [];
  const held = Promise.withResolvers<void>();
  const tail = await kafka.tail({
    topic: shard,
    record: 'DeliveryTask',
    from: 'earliest',
    onRecord: ({ value }) => {
      read.push(value.attempt);
      return value.attempt === 2 ? held.promise : undefined;
    },
  });
  await until(() => read.length === 3);
  for (const attempt of [3, 4, 5, 6]) await send(attempt);
  const topic = topicOf(installation);
  await using admin = await adminOf(installation);
  await admin.client.fetchTopicOffsets(topic);
  // While the reader is busy with the third, everything up to the sixth goes.
  await admin.client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
  held.resolve();
  await until(() => read.at(-1) === 6, 'the record that is left');
  assert.deepEqual(read, [0, 1, 2, 6]);
  await tail.stop();
});

test('a topic that is made anew is read from its beginning, although less is in it than there was', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  const read: number[] = [];
  const tail = await kafka.tail({
    topic: shard,
    record: 'DeliveryTask',
    from: 'earliest',
    onRecord: ({ value }) => {
      read.push(value.attempt);
    },
  });
  const send = await attemptsTo(kafka);
  for (const attempt of [0, 1, 2]) await send(attempt);
  await tail.caughtUp();
  await using admin = await adminOf(installation);
  // kafkajs asks about it when it is gone.
  await admin.client.deleteTopics({ topics: [topicOf(installation)] }).catch(() => undefined);
  await until(async () => !(await admin.client.listTopics()).includes(topicOf(installation)), 'its deletion');
  const another = await installation.connect();
  await another.createTopics({ partitions: 1, replicationFactor: 1, only: [shard] });
  await send(3);
  await until(() => read.length === 4, 'the record of the new topic');
  assert.deepEqual(read, [0, 1, 2, 3]);
});

test('partitions that a topic gets later are read by those who follow it', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  const { prototype } = brokerPoolClass;
  const refresh = prototype.refreshMetadataIfNecessary;
  const read = new Set<number>();
  const tail = await kafka.tail({
    topic: shard,
    record: 'DeliveryTask',
    from: 'latest',
    onRecord: ({ partition }) => {
      read.add(partition);
    },
  });
  try {
    await kafka.createTopics({ partitions: 3, replicationFactor: 1, only: [shard] });
    // As when metadata have reached their age.
    prototype.refreshMetadataIfNecessary = function aged(topics) {
      Reflect.set(this, 'metadataExpireAt', 0);
      return refresh.call(this, topics);
    };
    const producer = await kafka.producer();
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
    for (const key of keys)
      await producer.send('DeliveryTask', shard, { key, value: deliveryTask({ recipient: key }) });
    await until(() => read.size === 3, 'records of each partition');
  } finally {
    prototype.refreshMetadataIfNecessary = refresh;
    await tail.stop();
  }
});

test('a tail of one key reads its records from the one partition that they are in', async () => {
  await using installation = await testInstallation([shard], 3);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  const send = (key: string, attempt: number) =>
    producer.send('DeliveryTask', shard, { key, value: deliveryTask({ attempt }) });
  for (const attempt of [1, 2]) await Promise.all(keys.map((key) => send(key, attempt)));
  const read = new Map<string, string[]>();
  const tails = await Promise.all(
    keys.slice(0, 4).map((key) =>
      kafka.tail({
        topic: shard,
        record: 'DeliveryTask',
        from: 'earliest',
        key,
        onRecord: (record) => {
          read.set(key, [...(read.get(key) ?? []), `${record.key?.toString()} ${record.value.attempt}`]);
        },
      }),
    ),
  );
  await Promise.all(tails.map((tail) => tail.caughtUp()));
  assert.deepEqual(
    keys.slice(0, 4).map((key) => read.get(key)),
    keys.slice(0, 4).map((key) => [`${key} 1`, `${key} 2`]),
  );
  await send('key-0', 3);
  await until(() => read.get('key-0')?.length === 3, 'the record that came later');
});

test('a tail of some keys passes over the other records, whatever is in them', async () => {
  await using installation = await testInstallation([shard], 3);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const send = (key: string, attempt: number) =>
    producer.send('DeliveryTask', shard, { key, value: deliveryTask({ attempt }) });
  await producer.sendBytes(shard, { key: 'other', value: Buffer.from('no Avro') });
  for (const attempt of [1, 2]) await Promise.all(['a', 'b', 'other'].map((key) => send(key, attempt)));
  const keys = new Set(['a', 'b']);
  const read: string[] = [];
  const malformed: Error[] = [];
  const tail = await kafka.tail({
    topic: shard,
    record: 'DeliveryTask',
    from: 'earliest',
    keys,
    onRecord: ({ key, value }) => {
      read.push(`${key?.toString()} ${value.attempt}`);
      if (key?.toString() === 'b') keys.delete('b');
    },
    onMalformed: (error) => malformed.push(error),
  });
  await tail.caughtUp();
  assert.deepEqual(read.toSorted(), ['a 1', 'a 2', 'b 1']);
  assert.deepEqual(malformed, []);
});

test('what the cluster says of itself names its brokers and our topics', async () => {
  await using installation = await testInstallation([shard], 1);
  const facts = await installation.kafka.clusterFacts();
  assert.ok(facts.brokers.length > 0);
  assert.deepEqual(facts.topics, [shard]);
});

test('topics are created once, grow, and have their own retention', async () => {
  await using installation = await testInstallation([shard, table], 1);
  const { kafka } = installation;
  await Promise.all([
    kafka.createTopics({ partitions: 3, replicationFactor: 1, only: [shard, table] }),
    kafka.createTopics({ partitions: 3, replicationFactor: 1, only: [shard, table] }),
  ]);
  const seen = new Set<number>();
  const consumer = await kafka.windowedConsumer({
    group: 'partitions',
    topics: [shard],
    record: 'DeliveryTask',
    handler: (held) => held.complete(),
  });
  await consumer.joined();
  await until(() => {
    for (const { partition } of consumer.assignments()) seen.add(partition);
    return seen.size === 3;
  });
  const names = topicSpecs().map((spec) => spec.name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes('mail.delay.10s.dlq') && names.includes('mail.batch.yahoo-jp'));
});
