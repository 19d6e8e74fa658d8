import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterTopic, delayTiers, delayTopic } from '@millrace/core';
import { enqueueDelayed, type Kafka, type KafkaLogger, type ReadRecord } from '@millrace/kafka';
import { testInstallation, until } from '@millrace/kafka/testing';
import type { Suppression } from '@millrace/schemas';
import { startDelayTiers } from './scheduler.ts';

const target = 'mail.realtime.gmail';
const tiers = delayTiers.map(delayTopic);
const topics = [target, ...tiers, ...tiers.map(deadLetterTopic)];
const silent = (): undefined => undefined;
const logger: KafkaLogger = { debug: silent, info: silent, warn: silent, error: silent };

/** What arrives at the target topic. The values are opaque to the scheduler; suppressions are the smallest record. */
async function arrivals(kafka: Kafka): Promise<ReadRecord<Suppression>[]> {
  const read: ReadRecord<Suppression>[] = [];
  await kafka.tail({
    topic: target,
    record: 'Suppression',
    from: 'earliest',
    onRecord: (record) => {
      read.push(record);
    },
  });
  return read;
}

const recordOf = (kafka: Kafka, address: string): Buffer =>
  kafka.codec.encode('Suppression', {
    tenant: 'acme',
    address,
    reason: 'manual',
    streams: [],
    created_at: 0,
    expires_at: null,
    message_id: null,
    note: null,
    list: null,
    author: '',
  });

/** Puts one record off, as seen by a clock. */
async function putOff(kafka: Kafka, address: string, dueAt: number, now: number, targetTopic = target) {
  const producer = await kafka.producer();
  await enqueueDelayed(producer, {
    messageId: address,
    dueAt,
    now,
    targetTopic,
    key: 'gmail.com',
    value: recordOf(kafka, address),
    stream: 'realtime',
    reason: 'retry',
    headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  });
  await producer.stop();
}

test('a record comes to its target when it is due: key, bytes and headers as they were', async () => {
  await using installation = await testInstallation(topics, 1);
  const { kafka } = installation;
  const arrived = await arrivals(kafka);
  const scheduler = await startDelayTiers({ kafka, logger });
  const now = Date.now();
  await putOff(kafka, 'soon', now + 700, now);
  await until(() => arrived.length === 1);
  const [record] = arrived;
  assert.ok(record && record.timestamp >= now + 650, 'not before it is due');
  assert.equal(String(record.key), 'gmail.com');
  assert.equal(record.value.address, 'soon');
  assert.match(String(record.headers.traceparent), /^00-0af7651916cd43dd8448eb211c80319c-/);
  await scheduler.stop();
});

test('a short wait is not held up by longer ones in front of it, nor by long tiers', async () => {
  await using installation = await testInstallation(topics, 1);
  const { kafka } = installation;
  const arrived = await arrivals(kafka);
  const now = Date.now();
  for (const [address, waitMs] of [
    ['in-nine-seconds', 9_000],
    ['in-an-hour', 3_600_000],
    ['at-once', 300],
    ['overdue', -1_000],
  ] as const)
    await putOff(kafka, address, now + waitMs, now);
  const scheduler = await startDelayTiers({ kafka, logger });
  await until(() => arrived.length === 2);
  assert.deepEqual(arrived.map((record) => record.value.address).sort(), ['at-once', 'overdue']);
  await until(() => scheduler.stats().waiting === 2);
  await scheduler.stop();
});

test('a long wait hops from tier to tier and arrives once', async () => {
  await using installation = await testInstallation(topics, 1);
  const { kafka } = installation;
  const arrived = await arrivals(kafka);
  // A clock that runs thirty times as fast, so that a minute and a half is three seconds.
  const began = Date.now();
  const now = (): number => began + (Date.now() - began) * 30;
  const scheduler = await startDelayTiers({ kafka, logger, now });
  await putOff(kafka, 'patient', now() + 90_000, now());
  await until(() => arrived.length === 1);
  const { hopped, released, waiting } = scheduler.stats();
  assert.ok(hopped >= 1, `${hopped} hops`);
  assert.equal(released, 1);
  assert.equal(waiting, 0);
  await scheduler.stop();
});

test('a restart forgets nothing and repeats nothing', async () => {
  await using installation = await testInstallation(topics, 2);
  const { kafka } = installation;
  const arrived = await arrivals(kafka);
  const now = Date.now();
  const first = await startDelayTiers({ kafka, logger });
  await putOff(kafka, 'one', now + 200, now);
  await putOff(kafka, 'two', now + 3_000, now);
  await until(() => arrived.length === 1);
  await first.stop();
  const second = await startDelayTiers({ kafka, logger });
  await until(() => arrived.length === 2);
  await until(async () => (await kafka.lag({ groups: ['scheduler'] })).every(({ lag }) => lag === 0));
  assert.deepEqual(
    arrived.map((record) => record.value.address),
    ['one', 'two'],
  );
  await second.stop();
});

test('a record whose target does not exist goes to the dead letters', async () => {
  await using installation = await testInstallation(topics, 1);
  const { kafka } = installation;
  const scheduler = await startDelayTiers({ kafka, logger });
  const now = Date.now();
  await putOff(kafka, 'lost', now, now, 'mail.nowhere');
  await until(() => scheduler.stats().rejected === 1);
  await scheduler.stop();
});
