import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { DeliveryTask, RecordName, Records } from '@millrace/schemas';
import { deadLetterHeaders } from './dead-letter.ts';
import type { Held } from './held.ts';
import type { Kafka } from './kafka.ts';
import type { ReadRecord } from './tail.ts';
import { testInstallation, until } from './test-installation.ts';
import { deliveryTask } from './test-records.ts';

const shard = 'mail.batch.gmail';
const otherShard = 'mail.batch.yahoo';
const dead = `${shard}.dlq`;
const topics = [shard, dead];

async function produce(kafka: Kafka, count: number, topic = shard, from = 0): Promise<void> {
  const producer = await kafka.producer();
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      producer.send('DeliveryTask', topic, {
        key: `key-${from + index}`,
        value: deliveryTask({ attempt: from + index }),
      }),
    ),
  );
  await producer.stop();
}

async function readAll<N extends RecordName>(
  kafka: Kafka,
  topic: string,
  record: N,
): Promise<ReadRecord<Records[N]>[]> {
  const read: ReadRecord<Records[N]>[] = [];
  const tail = await kafka.tail({
    topic,
    record,
    from: 'earliest',
    onRecord: (one) => {
      read.push(one);
    },
  });
  await tail.caughtUp();
  await tail.stop();
  return read;
}

/** Whether the group has finished, and committed, everything. */
const isThrough = async (kafka: Kafka): Promise<boolean> =>
  (await kafka.lag({ groups: ['delivery'] }))[0]?.lag === 0;

const attemptOf = (held: Held<DeliveryTask>): number => held.value.attempt;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

test('records finish in any order, and what has finished is not handed out again after a restart', async () => {
  await using installation = await testInstallation(topics, 2);
  const { kafka } = installation;
  await produce(kafka, 200);
  const finished = new Set<number>();
  const open = new Set<number>();
  const first = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    drainMs: 0,
    handler: (held) => {
      // Every third record hangs: the watermark stays below the first of them.
      if (attemptOf(held) % 3 === 0) open.add(attemptOf(held));
      else {
        held.complete();
        finished.add(attemptOf(held));
      }
    },
  });
  await until(() => finished.size + open.size === 200);
  await first.stop();

  const again = new Set<number>();
  const second = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    handler: (held) => {
      again.add(attemptOf(held));
      held.complete();
    },
  });
  await until(() => isThrough(kafka));
  await second.stop();
  assert.deepEqual(sorted(again), sorted(open));
});

test('a rejected record and a poisoned one are in the dead letters, byte for byte, with why, where and when', async () => {
  await using installation = await testInstallation(topics, 1);
  const { kafka } = installation;
  const producer = await kafka.producer();
  const poison = Buffer.from('not an Avro record');
  await producer.sendBytes(shard, { key: 'poison', value: poison, headers: { traceparent: 'kept' } });
  await producer.send('DeliveryTask', shard, { key: 'bad', value: deliveryTask({ attempt: 1 }) });
  await producer.send('DeliveryTask', shard, { key: 'throws', value: deliveryTask({ attempt: 2 }) });
  await producer.send('DeliveryTask', shard, { key: 'good', value: deliveryTask({ attempt: 3 }) });
  const handled: number[] = [];
  await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    handler: async (held) => {
      if (attemptOf(held) === 1) await held.reject('no such pool');
      else if (attemptOf(held) === 2) throw new Error('a bug');
      else {
        handled.push(attemptOf(held));
        held.complete();
      }
    },
  });
  await until(() => isThrough(kafka));
  assert.deepEqual(handled, [3]);
  const letters = new Map<string, { reason: string; offset: string; kept: string; bytes: number }>();
  for (const { key, headers, value } of await readAll(kafka, dead, 'DeliveryTask'))
    letters.set(String(key), {
      reason: String(headers[deadLetterHeaders.reason]),
      offset: String(headers[deadLetterHeaders.offset]),
      kept: String(headers.traceparent),
      bytes: value.attempt,
    });
  assert.equal(letters.get('bad')?.reason, 'no such pool');
  assert.equal(letters.get('bad')?.offset, '1');
  assert.equal(letters.get('bad')?.bytes, 1);
  assert.equal(letters.get('throws')?.reason, 'handler: a bug');
  const malformed: string[] = [];
  const tail = await kafka.tail({
    topic: dead,
    record: 'DeliveryTask',
    from: 'earliest',
    onRecord: () => undefined,
    onMalformed: (error) => malformed.push(error.message),
  });
  await tail.caughtUp();
  assert.equal(malformed.length, 1);
});

test('the window is bounded by records and by bytes, and the rest follows as it empties', async () => {
  await using installation = await testInstallation(topics, 1);
  const { kafka } = installation;
  await produce(kafka, 500);
  const held: Held<DeliveryTask>[] = [];
  let most = 0;
  let seen = 0;
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    window: { records: 20, bytes: 100_000 },
    handler: (one) => {
      held.push(one);
      seen += 1;
      most = Math.max(most, held.length);
    },
  });
  await until(() => held.length === 20);
  while (seen < 500 || held.length > 0) {
    for (const one of held.splice(0)) one.complete();
    await until(() => held.length > 0 || seen === 500);
  }
  assert.equal(most, 20);
  assert.equal(consumer.stats().inFlight, 0);
  await consumer.stop();

  const large = await kafka.windowedConsumer({
    group: 'by-bytes',
    topics: [shard],
    record: 'DeliveryTask',
    window: { records: 1_000, bytes: 1_000 },
    handler: (one) => {
      held.push(one);
    },
    drainMs: 0,
  });
  await until(() => held.length > 0);
  const bytes = held.reduce((sum, one) => sum + one.sizeBytes, 0);
  assert.ok(bytes <= 1_000, `${bytes} bytes in flight`);
  assert.equal(large.stats().inFlight, held.length);
});

test('some hundred records are handed out ahead of what becomes of them; those that hang keep nothing from being looked at', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  await produce(kafka, 500);
  const held = new Map<number, Held<DeliveryTask>>();
  const startedAt = performance.now();
  let firstWaveMs = 0;
  let firstWave = 0;
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    window: { records: 450 },
    drainMs: 0,
    handler: (one) => {
      held.set(attemptOf(one), one);
      const ms = performance.now() - startedAt;
      if (firstWave === 0 || ms - firstWaveMs < 100) [firstWave, firstWaveMs] = [held.size, ms];
    },
  });
  await until(() => held.size === 450);
  // Not all at once: the first ones counted as being on their way for some seconds.
  assert.ok(firstWave < 400, `${firstWave} at first`);
  for (const one of held.values()) one.complete();
  await until(() => held.size === 500);
  for (const one of held.values()) one.complete();
  await until(() => isThrough(kafka));
  await consumer.stop();
});

test('a record that waits for something else than the worker makes way for others at once, until the window is full', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  await produce(kafka, 500);
  const held = new Map<number, Held<DeliveryTask>>();
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    window: { records: 450 },
    // If they all counted, a window of them would take three minutes.
    ahead: { together: 10, ofPartition: 10 },
    drainMs: 0,
    handler: (one) => {
      held.set(attemptOf(one), one);
      one.waits();
      one.waits();
    },
  });
  await until(() => held.size === 450);
  assert.equal(consumer.stats().inFlight, 450);
  for (const one of held.values()) one.complete();
  await until(() => held.size === 500);
  for (const one of held.values()) one.complete();
  await until(() => isThrough(kafka));
  await consumer.stop();
});

test('what had finished before is not forgotten by a worker that ends before it has come to it again', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  await produce(kafka, 100);
  const consume = async (records: number, finish: (attempt: number) => boolean): Promise<Set<number>> => {
    const handed = new Set<number>();
    let finished = 0;
    const consumer = await kafka.windowedConsumer({
      group: 'delivery',
      topics: [shard],
      record: 'DeliveryTask',
      window: { records },
      drainMs: 0,
      handler: (one) => {
        handed.add(attemptOf(one));
        if (!finish(attemptOf(one))) return;
        finished += 1;
        one.complete();
      },
    });
    await until(() => handed.size - finished === records || handed.size === 100);
    await consumer.stop();
    return handed;
  };
  // The records of a topic with one partition come in the order in which they were sent.
  assert.equal((await consume(1_000, (attempt) => attempt >= 10)).size, 100);
  // It finishes the first two only, and hangs at the third.
  assert.deepEqual(sorted(await consume(1, (attempt) => attempt < 2)), [0, 1, 2]);
  assert.deepEqual(sorted(await consume(8, () => false)), [2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a paused topic holds still while another goes on, and continues without a gap', async () => {
  await using installation = await testInstallation([shard, otherShard], 2);
  const { kafka } = installation;
  const seen = new Map<string, number[]>([
    [shard, []],
    [otherShard, []],
  ]);
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard, otherShard],
    record: 'DeliveryTask',
    handler: (held) => {
      seen.get(held.topic)?.push(attemptOf(held));
      held.complete();
    },
  });
  await consumer.joined();
  consumer.pause(shard);
  await Promise.all([produce(kafka, 100, shard), produce(kafka, 100, otherShard)]);
  await until(() => seen.get(otherShard)?.length === 100);
  assert.deepEqual(seen.get(shard), []);
  consumer.resume(shard);
  await until(() => seen.get(shard)?.length === 100);
  assert.deepEqual(sorted(seen.get(shard) ?? []), numbers(100));
});

test('a second member takes over partitions: nothing is lost, nothing finished comes again', async () => {
  await using installation = await testInstallation([shard], 4);
  const { kafka } = installation;
  const other = await installation.connect();
  await other.registerSchemas();
  const handed: number[] = [];
  const waiting: Held<DeliveryTask>[] = [];
  let holdBack = true;
  const options = {
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    handler: (held: Held<DeliveryTask>) => {
      if (held.lost.aborted) return;
      if (holdBack && attemptOf(held) % 10 === 0) waiting.push(held);
      else {
        handed.push(attemptOf(held));
        held.complete();
      }
    },
  } as const;
  const first = await kafka.windowedConsumer(options);
  await first.joined();
  await produce(kafka, 400);
  await until(() => handed.length + waiting.length === 400);
  // The commit interval has passed when the group knows what is finished.
  await until(async () => ((await kafka.lag({ groups: ['delivery'] }))[0]?.lag ?? 400) < 400);
  const second = await other.windowedConsumer(options);
  await second.joined();
  await until(() => first.assignments().length === 2 && second.assignments().length === 2);
  assert.ok(waiting.some((held) => held.lost.aborted));
  holdBack = false;
  for (const held of waiting.splice(0)) {
    if (held.lost.aborted) continue;
    handed.push(attemptOf(held));
    held.complete();
  }
  await produce(kafka, 100, shard, 400);
  await until(() => new Set(handed).size >= 500 || waiting.length > 0);
  for (const held of waiting.splice(0)) {
    if (held.lost.aborted) continue;
    handed.push(attemptOf(held));
    held.complete();
  }
  await until(() => isThrough(kafka));
  assert.deepEqual(sorted(new Set(handed)), numbers(500));
  assert.equal(handed.length, 500, 'some were handed out twice');
  await first.stop();
  await until(() => second.assignments().length === 4);
});

test('stop waits for what is in flight', async () => {
  await using installation = await testInstallation([shard], 1);
  const { kafka } = installation;
  await produce(kafka, 10);
  const held: Held<DeliveryTask>[] = [];
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    handler: (one) => {
      held.push(one);
    },
  });
  await until(() => held.length === 10);
  const stopped = consumer.stop();
  for (const one of held) one.complete();
  await stopped;
  assert.equal((await kafka.lag({ groups: ['delivery'] }))[0]?.lag, 0);
});

const worker = `
const { connectKafka } = await import(process.argv[1]);
const kafka = await connectKafka(JSON.parse(process.argv[2]));
await kafka.registerSchemas();
await kafka.windowedConsumer({
  group: 'delivery', topics: ['${shard}'], record: 'DeliveryTask', sessionTimeoutMs: 6000,
  handler: (held) => {
    if (held.value.attempt % 5 !== 0) { held.complete(); process.stdout.write(held.value.attempt + '\\n'); }
  },
});
`;

test('a worker that is killed: its successor gets what was unfinished, and what was committed never again', async () => {
  await using installation = await testInstallation([shard], 2);
  const { kafka, options } = installation;
  await produce(kafka, 300);
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      worker,
      new URL('./index.ts', import.meta.url).href,
      JSON.stringify(options),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const finished = (): number => output.split('\n').length - 1;
  await until(() => finished() === 240);
  await until(async () => ((await kafka.lag({ groups: ['delivery'] }))[0]?.lag ?? 300) < 300);
  // One more commit interval: the metadata names everything that was printed.
  await new Promise((resolve) => setTimeout(resolve, 250));
  child.kill('SIGKILL');
  const again: number[] = [];
  const successor = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    handler: (held) => {
      again.push(attemptOf(held));
      held.complete();
    },
  });
  await until(() => isThrough(kafka));
  await successor.stop();
  assert.deepEqual(
    sorted(again),
    numbers(300).filter((attempt) => attempt % 5 === 0),
  );
});

test('of a choice only its records are handed out, the others are finished', async () => {
  await using installation = await testInstallation(topics, 2);
  const { kafka } = installation;
  const producer = await kafka.producer();
  await Promise.all(
    numbers(300).map((attempt) =>
      producer.send('DeliveryTask', shard, {
        key: `key-${attempt}`,
        value: deliveryTask({ attempt, isp: attempt % 10 === 0 ? 'yahoo' : 'gmail' }),
      }),
    ),
  );
  const handed: number[] = [];
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    only: { field: 'isp', values: new Set(['yahoo']) },
    handler: (held) => {
      handed.push(attemptOf(held));
      held.complete();
    },
  });
  await until(() => isThrough(kafka));
  await consumer.stop();
  assert.deepEqual(
    sorted(handed),
    numbers(300).filter((attempt) => attempt % 10 === 0),
  );
});

test('memory that is used again is nobody’s but that of finished records, whatever the order', async () => {
  await using installation = await testInstallation(topics, 2);
  const { kafka } = installation;
  const rawOf = (attempt: number): Buffer => Buffer.alloc(5_000 + attempt * 40, `mail ${attempt} `);
  const producer = await kafka.producer();
  await Promise.all(
    numbers(400).map((attempt) =>
      producer.send('DeliveryTask', shard, {
        key: `key-${attempt}`,
        value: deliveryTask({ attempt, template_id: null, raw: rawOf(attempt) }),
      }),
    ),
  );
  const wrong: number[] = [];
  const finished = new Set<number>();
  const open: Held<DeliveryTask>[] = [];
  const memory = new Set<ArrayBufferLike>();
  const finish = (held: Held<DeliveryTask>): void => {
    const attempt = attemptOf(held);
    if (held.value.raw?.equals(rawOf(attempt)) !== true || String(held.key) !== `key-${attempt}`)
      wrong.push(attempt);
    memory.add(held.bytes.buffer);
    finished.add(attempt);
    held.complete();
  };
  const consumer = await kafka.windowedConsumer({
    group: 'delivery',
    topics: [shard],
    record: 'DeliveryTask',
    reuseMemory: true,
    ahead: { together: 30, ofPartition: 10 },
    // Seven of them wait for all others, the rest for moments.
    handler: (held) => {
      open.push(held);
      if (open.length >= 20) for (const one of open.splice(7, 10)) finish(one);
    },
  });
  await until(() => finished.size >= 370);
  await until(async () => {
    for (const one of open.splice(0)) finish(one);
    return isThrough(kafka);
  });
  await consumer.stop();
  assert.deepEqual([wrong, finished.size], [[], 400]);
  assert.ok(memory.size < 200, `${memory.size} pieces of memory for 400 records`);
});
