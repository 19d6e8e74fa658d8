/** Our fetch against the broker: what kafkajs's tests cannot see, as it never had a session. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic, shardTopic } from '@millrace/core';
import { testInstallation, until } from '../test-installation.ts';
import { deliveryTask } from '../test-records.ts';
import { FetchSession } from './fetch-session.ts';
import { type ConsumerGroup, consumerGroupClass } from './kafkajs-internals.ts';
import { RestingFetches } from './resting-fetches.ts';

const shard = shardTopic('batch', 'gmail');
const other = shardTopic('batch', 'yahoo');

/** Every record that came, by partition, in its order. */
class Arrivals {
  readonly #offsets = new Map<string, number[]>();
  count = 0;

  add(topic: string, partition: number, offset: number): void {
    const key = `${topic}/${partition}`;
    const offsets = this.#offsets.get(key) ?? [];
    offsets.push(offset);
    this.#offsets.set(key, offsets);
    this.count += 1;
  }

  assertWithoutGap(): void {
    for (const [key, offsets] of this.#offsets)
      assert.deepEqual(
        offsets,
        offsets.map((_, index) => index),
        key,
      );
  }
}

test('pauses, requests that the session does not fit to and sessions that the broker lost leave no gap and repeat nothing', async () => {
  await using installation = await testInstallation([shard, other, deadLetterTopic(shard)]);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const arrivals = new Arrivals();
  let requests = 0;
  let named = 0;
  const { prototype } = FetchSession;
  const next = prototype.next;
  prototype.next = function disturbed(wanted) {
    const plan = next.call(this, wanted);
    requests += 1;
    named += plan.wanted.length;
    if (plan.epoch === 0) return plan;
    if (requests % 7 === 0) return { ...plan, epoch: plan.epoch + 5 };
    if (requests % 11 === 0) return { ...plan, sessionId: plan.sessionId + 1 };
    return plan;
  };
  try {
    const consumer = await kafka.windowedConsumer({
      group: 'fetch',
      topics: [shard, other],
      record: 'DeliveryTask',
      handler: (held) => {
        arrivals.add(held.topic, held.partition, held.offset);
        held.complete();
      },
    });
    await consumer.joined();
    let sent = 0;
    for (let round = 0; round < 40; round += 1) {
      const topic = round % 2 === 0 ? shard : other;
      if (round % 3 === 0) consumer.pause(topic, round % 2);
      if (round % 3 === 2) {
        consumer.resume(shard);
        for (const partition of [0, 1]) for (const one of [shard, other]) consumer.resume(one, partition);
      }
      const keys = Array.from({ length: 5 }, (_, index) => `${round}-${index}@gmail.com`);
      await Promise.all(
        keys.map((key) =>
          producer.send('DeliveryTask', topic, { key, value: deliveryTask({ recipient: key }) }),
        ),
      );
      sent += keys.length;
    }
    for (const partition of [0, 1]) for (const topic of [shard, other]) consumer.resume(topic, partition);
    await until(() => arrivals.count >= sent, 'the arrival of every record');
    arrivals.assertWithoutGap();
    assert.equal(arrivals.count, sent);
    assert.ok(requests > 20, `${requests} requests`);
    assert.ok(named < requests * 4, `${named} partitions named in ${requests} requests`);
  } finally {
    prototype.next = next;
  }
});

test('partitions that a topic gets later are read', async () => {
  await using installation = await testInstallation([shard]);
  const { kafka } = installation;
  const arrivals = new Arrivals();
  const groups = new Set<ConsumerGroup>();
  const { prototype } = consumerGroupClass;
  const fetch = prototype.fetch;
  prototype.fetch = function watched(nodeId) {
    groups.add(this);
    return fetch.call(this, nodeId);
  };
  try {
    const consumer = await kafka.windowedConsumer({
      group: 'growing',
      topics: [shard],
      record: 'DeliveryTask',
      handler: (held) => {
        arrivals.add(held.topic, held.partition, held.offset);
        held.complete();
      },
    });
    await consumer.joined();
    await until(() => groups.size > 0, 'a fetch');
    await kafka.createTopics({ partitions: 5, replicationFactor: 1, only: [shard] });
    // As when metadata have reached their age.
    for (const { cluster } of groups) Reflect.set(cluster.brokerPool, 'metadataExpireAt', 0);
    await until(() => consumer.assignments().length === 5, 'five partitions');
    const producer = await kafka.producer();
    const keys = Array.from({ length: 50 }, (_, index) => `${index}@gmail.com`);
    for (const key of keys)
      await producer.send('DeliveryTask', shard, { key, value: deliveryTask({ recipient: key }) });
    await until(() => arrivals.count >= keys.length, 'the arrival of every record');
    arrivals.assertWithoutGap();
    assert.ok(consumer.stats().partitions.filter(({ watermark }) => watermark > 0).length > 2);
  } finally {
    prototype.fetch = fetch;
  }
});

test('a fetch that rests is ended by a record, a member that joins, one that leaves, and a stop', async () => {
  await using installation = await testInstallation([shard, deadLetterTopic(shard)]);
  const { prototype } = RestingFetches;
  const { isIdle } = prototype;
  let begun = 0;
  prototype.isIdle = function watched(nodeId) {
    const idle = isIdle.call(this, nodeId);
    if (idle) begun += 1;
    return idle;
  };
  const rests = (): Promise<void> => {
    const before = begun;
    return until(() => begun > before, 'a fetch that rests');
  };
  const arrived = new Set<string>();
  const join = async () =>
    (await installation.connect()).windowedConsumer({
      group: 'resting',
      topics: [shard],
      record: 'DeliveryTask',
      // Of a busy consumer; one record is enough for one that rests.
      fetch: { minBytes: 1_048_576, maxWaitMs: 200 },
      handler: (held) => {
        arrived.add(held.value.recipient);
        held.complete();
      },
    });
  try {
    const first = await join();
    await rests();
    const producer = await installation.kafka.producer();
    await producer.send('DeliveryTask', shard, {
      key: 'a',
      value: deliveryTask({ recipient: 'a@gmail.com' }),
    });
    await until(() => arrived.has('a@gmail.com'), 'the record');
    await rests();
    const second = await join();
    await until(() => first.assignments().length === 1 && second.assignments().length === 1, 'one each');
    await rests();
    await second.stop();
    await until(() => first.assignments().length === 2, 'both for the one that is left');
    await rests();
    await first.stop();
    assert.deepEqual(
      (await installation.kafka.lag()).map(({ group, lag }) => [group, lag]),
      [['resting', 0]],
    );
  } finally {
    prototype.isIdle = isIdle;
  }
});
