import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendDeadLetter } from './dead-letter.ts';
import type { ReadLetter } from './dead-letters.ts';
import { KafkaRefusedError } from './errors.ts';
import { testInstallation } from './test-installation.ts';
import { deliveryTask } from './test-records.ts';

const shard = 'mail.batch.gmail';
const dlq = `${shard}.dlq`;

/** Twelve dead letters; what comes back on the shard. */
const withLetters = async () => {
  const installation = await testInstallation([shard, dlq], 2);
  const { kafka } = installation;
  const producer = await kafka.producer();
  for (let index = 0; index < 12; index += 1)
    await sendDeadLetter(producer, {
      ...{
        group: 'delivery-batch',
        topic: shard,
        partition: 1,
        offset: 100 + index,
        reason: `reason ${index}`,
      },
      key: Buffer.from(`key-${index % 3}`),
      bytes: kafka.codec.encode('DeliveryTask', deliveryTask({ attempt: index })),
      headers: { own: Buffer.from(`${index}`) },
    });
  const back = async () => {
    const read: { attempt: number; key: string; headers: string[]; own: string }[] = [];
    const tail = await kafka.tail({
      ...{ topic: shard, record: 'DeliveryTask', from: 'earliest' },
      onRecord: ({ value, key, headers }) => {
        const own = `${headers.own}`;
        read.push({ attempt: value.attempt, key: `${key}`, headers: Object.keys(headers), own });
      },
    });
    await tail.caughtUp();
    await tail.stop();
    return read.sort((a, b) => a.attempt - b.attempt);
  };
  return { installation, kafka, producer, back };
};

test('letters go back byte for byte, once, however often and by how many it is asked for', async () => {
  const { installation, kafka, producer, back } = await withLetters();
  await using _ = installation;
  // No dead letter: it is passed over.
  await producer.sendBytes(dlq, { key: 'x', value: Buffer.from('somebody else’s') });
  assert.deepEqual(await kafka.deadLetters.list(), [{ topic: dlq, letters: 12, replayed: 0, begun: 0 }]);
  const dry = await kafka.deadLetters.replay(dlq, { from: 3, to: 5, dryRun: true });
  assert.equal(dry.replayed, 3);
  assert.deepEqual(await back(), []);
  const some = await kafka.deadLetters.replay(dlq, { from: 3, to: 5 });
  assert.deepEqual(some, {
    ...{ replayed: 3, byTopic: { [shard]: 3 }, before: 0, begun: 0, notSent: 0, unknown: 0 },
  });
  assert.deepEqual(
    await back(),
    [3, 4, 5].map((attempt) => ({
      ...{ attempt, key: `key-${attempt % 3}`, headers: ['own'], own: `${attempt}` },
    })),
  );
  const other = await installation.connect();
  const both = await Promise.all([kafka.deadLetters.replay(dlq), other.deadLetters.replay(dlq)]);
  assert.equal(both[0].replayed + both[1].replayed, 9);
  assert.deepEqual(
    (await back()).map(({ attempt }) => attempt),
    Array.from({ length: 12 }, (_, index) => index),
  );
  const again = await kafka.deadLetters.replay(dlq, { from: 0, to: 0, again: true });
  assert.equal(again.replayed, 1);
  assert.equal((await back()).length, 13);
  assert.deepEqual(await kafka.deadLetters.list(), [{ topic: dlq, letters: 12, replayed: 12, begun: 0 }]);
});

test('letters are shown with why, where and when; what was interrupted waits as before', async () => {
  const { installation, kafka, back } = await withLetters();
  await using _ = installation;
  const interrupt = new AbortController();
  interrupt.abort();
  assert.equal((await kafka.deadLetters.replay(dlq, { signal: interrupt.signal })).replayed, 0);
  assert.deepEqual(await back(), []);
  await kafka.deadLetters.replay(dlq, { from: 1, to: 1 });
  const letters: ReadLetter[] = [];
  await kafka.deadLetters.read(dlq, (letter) => {
    letters.push(letter);
  });
  assert.deepEqual(
    letters.map(({ offset, state }) => `${offset} ${state}`),
    Array.from({ length: 12 }, (_, offset) => `${offset} ${offset === 1 ? 'replayed' : 'waiting'}`),
  );
  const { time, value, headers, ...rest } = letters[2] ?? assert.fail();
  assert.deepEqual(rest, {
    ...{
      offset: 2,
      state: 'waiting',
      key: Buffer.from('key-2'),
      reason: 'reason 2',
      group: 'delivery-batch',
    },
    origin: { topic: shard, partition: 1, offset: 102 },
  });
  assert.ok(Math.abs(Date.now() - time) < 600_000);
  assert.equal((await kafka.codec.decode('DeliveryTask', value)).attempt, 2);
  assert.deepEqual(Object.keys(headers), ['own']);
  await assert.rejects(kafka.deadLetters.replay(shard), KafkaRefusedError);
  await assert.rejects(
    kafka.deadLetters.read('mail.batch.nobody.dlq', () => undefined),
    KafkaRefusedError,
  );
});
