import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KafkaRefusedError, KafkaUnavailableError, RecordTooLargeError } from './errors.ts';
import { testInstallation } from './test-installation.ts';
import { deliveryTask } from './test-records.ts';

const shard = 'mail.batch.gmail';

test('records of one key stay in order, and are there when they are acknowledged', async () => {
  await using installation = await testInstallation([shard], 3);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const sent = Array.from({ length: 3_000 }, (_, index) =>
    producer.send('DeliveryTask', shard, {
      key: `key-${index % 7}`,
      value: deliveryTask({ attempt: index }),
    }),
  );
  await Promise.all(sent);
  assert.deepEqual(producer.stats(), { records: 0, bytes: 0 });
  const seen = new Map<string, number[]>();
  const tail = await kafka.tail({
    topic: shard,
    record: 'DeliveryTask',
    from: 'earliest',
    onRecord: ({ key, value }) => {
      const name = String(key);
      seen.set(name, [...(seen.get(name) ?? []), value.attempt]);
    },
  });
  await tail.caughtUp();
  assert.equal([...seen.values()].flat().length, 3_000);
  for (const attempts of seen.values())
    assert.deepEqual(
      attempts,
      attempts.toSorted((a, b) => a - b),
    );
});

test('a record that comes alone goes at once, the next waits for others, for half a request or a flush', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  const producer = await kafka.producer({ lingerMs: 3_600_000 });
  const send = (value = deliveryTask(), by = producer): Promise<void> =>
    by.send('DeliveryTask', shard, { key: 'key', value });
  await send();
  const waits = async (): Promise<boolean> => {
    const other = await kafka.producer();
    for (let round = 0; round < 5; round += 1) await send(deliveryTask(), other);
    return producer.stats().records === 1;
  };
  const next = send();
  assert.ok(await waits());
  const large = deliveryTask({ raw: Buffer.alloc(100_000, 'x') });
  await Promise.all([next, ...Array.from({ length: 5 }, () => send(large))]);
  const last = send();
  assert.ok(await waits());
  await producer.flush();
  await last;
});

test('what is not acknowledged stays below the limit; the rest waits its turn, in order', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  const producer = await kafka.producer({ maxInFlightBytes: 100_000 });
  let highest = 0;
  const finished: number[] = [];
  const sent = Array.from({ length: 2_000 }, async (_, index) => {
    const acknowledged = producer.send('DeliveryTask', shard, {
      key: 'k',
      value: deliveryTask({ attempt: index, variables: 'x'.repeat(500) }),
    });
    highest = Math.max(highest, producer.stats().bytes);
    await acknowledged;
    finished.push(index);
  });
  await Promise.all(sent);
  assert.ok(highest < 102_000, `${highest} bytes at once`);
  assert.deepEqual(
    finished,
    finished.toSorted((a, b) => a - b),
  );
});

test('a record above the limit is refused before it is sent', async () => {
  await using installation = await testInstallation([shard], 1);
  const producer = await installation.kafka.producer();
  await assert.rejects(
    producer.send('DeliveryTask', shard, { key: 'k', value: deliveryTask({ raw: Buffer.alloc(1_000_000) }) }),
    RecordTooLargeError,
  );
});

test('large records are compressed where asked for, and read as they were', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  const producer = await kafka.producer({ compressAboveBytes: 4_096 });
  const raw = Buffer.from('Subject: hello\r\n\r\n'.repeat(10_000));
  await producer.send('DeliveryTask', shard, { key: 'k', value: deliveryTask({ raw }) });
  let read: Buffer | null = null;
  const tail = await kafka.tail({
    topic: shard,
    record: 'DeliveryTask',
    from: 'earliest',
    onRecord: ({ value }) => {
      read = value.raw;
    },
  });
  await tail.caughtUp();
  assert.deepEqual(read, raw);
});

test('a topic that does not exist is refused, and takes no other record with it', async () => {
  await using installation = await testInstallation([shard], 1);
  const producer = await installation.kafka.producer();
  const good = [0, 1, 2].map((attempt) =>
    producer.send('DeliveryTask', shard, { key: 'k', value: deliveryTask({ attempt }) }),
  );
  const bad = producer.send('DeliveryTask', 'mail.nowhere', { key: 'k', value: deliveryTask() });
  await assert.rejects(bad, KafkaRefusedError);
  await Promise.all(good);
  await producer.send('DeliveryTask', shard, { key: 'k', value: deliveryTask() });
  assert.equal(producer.ready, true);
});

test('without a broker it is not ready, and a send with a time limit fails as unavailable', async () => {
  await using installation = await testInstallation([shard], 1);
  const away = await installation.connect({ brokers: ['127.0.0.1:1'] });
  await away.registerSchemas();
  const producer = await away.producer({ timeoutMs: 300 });
  assert.equal(producer.ready, false);
  await assert.rejects(
    producer.send('DeliveryTask', shard, { key: 'k', value: deliveryTask() }),
    KafkaUnavailableError,
  );
  assert.deepEqual(producer.stats(), { records: 0, bytes: 0 });
  await assert.rejects(away.clusterFacts(), KafkaUnavailableError);
});
