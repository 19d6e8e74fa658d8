/** Kafka dies in the middle of sending and consuming: nothing acknowledged is lost, and both go on by themselves. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectKafka, type Kafka, KafkaUnavailableError } from '@millrace/kafka';
import { resolveArtifacts } from '../../infra/stack/artifacts.ts';
import type { Child } from '../../infra/stack/child.ts';
import { startKafka } from '../../infra/stack/kafka.ts';
import { freePorts } from '../../infra/stack/ports.ts';

const table = 'mail.suppressions';
const shard = 'mail.delay.10s';
const directory = mkdtempSync(join(tmpdir(), 'millrace-broker-'));
let startBroker: () => Promise<Child>;
let broker: Child;
let kafka: Kafka;

before(async () => {
  const artifacts = await resolveArtifacts(
    resolve(import.meta.dirname, '../../.millrace/lib'),
    () => undefined,
  );
  const [port, controllerPort] = await freePorts(2);
  assert.ok(port && controllerPort);
  // A broker that was killed waits for its own former session to expire, and a group for that of its former member.
  const properties = {
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'group.min.session.timeout.ms': '1000',
  };
  startBroker = () =>
    startKafka(artifacts, { directory, port, controllerPort, heapMb: 256, detached: false, properties });
  broker = await startBroker();
  const { SCHEMA_REGISTRY_URL } = process.env;
  assert.ok(SCHEMA_REGISTRY_URL, 'run through `npm test`');
  kafka = await connectKafka({
    brokers: [`127.0.0.1:${port}`],
    clientId: 'broker-restart',
    topicPrefix: 'restart.',
    registry: { url: SCHEMA_REGISTRY_URL },
  });
  await kafka.registerSchemas();
  await kafka.createTopics({ partitions: 2, replicationFactor: 1, only: [shard, table] });
});

after(async () => {
  await kafka.stop();
  await broker.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Kills it as a crash would, and starts it again on the same data. */
async function crashAndRestart(): Promise<void> {
  process.kill(broker.pid, 'SIGKILL');
  await broker.ended;
  broker = await startBroker();
}

const task = (id: string) => ({
  message_id: id,
  due_at: 0,
  enqueued_at: 0,
  target_topic: 'mail.batch.other',
  key: Buffer.from(id),
  value: Buffer.alloc(300),
  stream: 'batch',
  reason: 'retry',
});

test('a crash of the broker loses nothing that was acknowledged, and producer, consumer and tail go on', async () => {
  const producer = await kafka.producer();
  const seen = new Map<string, number>();
  const consumer = await kafka.windowedConsumer({
    group: 'restart',
    topics: [shard],
    record: 'DelayedTask',
    sessionTimeoutMs: 3_000,
    handler: (held) => {
      seen.set(held.value.message_id, (seen.get(held.value.message_id) ?? 0) + 1);
      held.complete();
    },
  });
  const tailed = new Set<string>();
  const places: string[] = [];
  const tail = await kafka.tail({
    topic: shard,
    record: 'DelayedTask',
    from: 'latest',
    onRecord: ({ value, partition, offset }) => {
      tailed.add(value.message_id);
      places.push(`${partition}/${offset}`);
    },
  });
  const acknowledged = new Set<string>();
  let sending = true;
  const senders = Array.from({ length: 20 }, async (_, sender) => {
    for (let index = 0; sending; index += 1) {
      const id = `${sender}-${index}`;
      await producer.send('DelayedTask', shard, { key: id, value: task(id) });
      acknowledged.add(id);
      await sleep(1);
    }
  });
  while (acknowledged.size < 1_000) await sleep(10);
  await crashAndRestart();
  const before = acknowledged.size;
  while (acknowledged.size < before + 1_000) await sleep(10);
  sending = false;
  await Promise.all(senders);
  assert.equal(producer.ready, true);
  const missing = (): string[] => [...acknowledged].filter((id) => !seen.has(id) || !tailed.has(id));
  for (let tries = 0; missing().length > 0 && tries < 3_000; tries += 1) await sleep(20);
  assert.deepEqual(missing(), []);
  assert.equal(new Set(places).size, places.length, 'a tail reads every record once');
  await consumer.stop();
  await tail.stop();
});

test('while the broker is away, a send with a time limit says so; afterwards it is ready by itself', async () => {
  const producer = await kafka.producer({ timeoutMs: 500 });
  assert.equal(producer.ready, true);
  await broker.stop();
  await assert.rejects(
    producer.send('DelayedTask', shard, { key: 'k', value: task('nobody-there') }),
    KafkaUnavailableError,
  );
  assert.equal(producer.ready, false);
  broker = await startBroker();
  for (let tries = 0; !producer.ready && tries < 3_000; tries += 1) await sleep(20);
  await producer.send('DelayedTask', shard, { key: 'k', value: task('there-again') });
});

test('a consumer that is stopped while the broker is away does not come back with it and keep partitions', async () => {
  const options = {
    group: 'stopped',
    topics: [shard],
    record: 'DelayedTask',
    sessionTimeoutMs: 3_000,
  } as const;
  const seen: string[] = [];
  const stopped = await kafka.windowedConsumer({ ...options, handler: (held) => held.complete() });
  await stopped.joined();
  process.kill(broker.pid, 'SIGKILL');
  await broker.ended;
  // Until it has noticed, and tries again.
  for (const until = performance.now() + 2_000; performance.now() < until; ) await sleep(50);
  await stopped.stop();
  broker = await startBroker();
  const producer = await kafka.producer();
  await producer.send('DelayedTask', shard, { key: 'k', value: task('after') });
  await kafka.windowedConsumer({
    ...options,
    handler: (held) => {
      seen.push(held.value.message_id);
      held.complete();
    },
  });
  for (let tries = 0; !seen.includes('after') && tries < 3_000; tries += 1) await sleep(20);
  assert.ok(seen.includes('after'));
});
