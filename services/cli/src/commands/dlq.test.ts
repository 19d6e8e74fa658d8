/** Dead letters that the windowed consumer itself has written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topics } from '@millrace/core';
import { testInstallation, until } from '@millrace/kafka/testing';
import { cliRig } from '../rig.ts';

const shard = 'mail.batch.gmail';
const dlq = `${shard}.dlq`;

test('a poison record is listed, shown and put back', async () => {
  await using installation = await testInstallation([topics.events, shard, dlq], 1);
  const { kafka, options } = installation;
  using rig = cliRig({
    KAFKA_BROKERS: options.brokers.join(','),
    SCHEMA_REGISTRY_URL: options.registry.url,
    MILLRACE_TOPIC_PREFIX: options.topicPrefix ?? '',
  });
  const none = await rig.run('dlq');
  assert.equal(none.code, 0, none.err);
  assert.match(none.out, /No dead letters/);
  const producer = await kafka.producer();
  const poison = { key: 'gmail.com', value: Buffer.from('no \u001b[31mAvro'), headers: { own: 'kept' } };
  await producer.sendBytes(shard, poison);
  let offset = 0;
  const consumer = await kafka.windowedConsumer({
    ...{ group: 'delivery-batch', topics: [shard], record: 'DeliveryTask', commitIntervalMs: 20 },
    handler: (held) => held.complete(),
  });
  const finished = async (end: number): Promise<void> => {
    await until(async () => {
      const [lag] = await kafka.lag({ groups: ['delivery-batch'], topics: [shard] });
      offset = lag?.partitions[0]?.committed ?? 0;
      return offset === end;
    }, `offset ${end}`);
  };
  await finished(1);
  const listed = await rig.run('--json', 'dlq');
  assert.deepEqual(JSON.parse(listed.out), [{ topic: dlq, letters: 1, replayed: 0, begun: 0, waiting: 1 }]);
  const shown = await rig.run('dlq', 'show', shard);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^0 .* waiting$/m);
  assert.match(shown.out, /reason +Not a DeliveryTask: it does not start with a zero byte/);
  assert.match(shown.out, /from +mail\.batch\.gmail, partition 0, offset 0/);
  assert.match(shown.out, /value +\d+ bytes: no \\x1b\[31mAvro/);
  const json = JSON.parse((await rig.run('--json', 'dlq', 'show', dlq, '--limit', '5')).out);
  assert.equal(Buffer.from(json.value_base64, 'base64').toString(), poison.value.toString());
  assert.deepEqual([json.key, json.headers, json.value], ['gmail.com', { own: 'kept' }, null]);
  assert.equal(json.group, 'delivery-batch');
  assert.equal((await rig.run('dlq', 'replay', shard)).code, 2);
  assert.equal((await rig.run('dlq', 'replay', shard, '--offset', '5..4')).code, 2);
  assert.equal((await rig.run('dlq', 'show', 'mail.batch.nobody')).code, 4);
  const dry = await rig.run('dlq', 'replay', shard, '--all', '--dry-run');
  assert.match(dry.out, /^1 would be replayed: 1 to mail\.batch\.gmail$/m);
  const replayed = await rig.run('dlq', 'replay', shard, '--offset', '0..9');
  assert.equal(replayed.code, 0, replayed.err);
  assert.match(replayed.out, /^1 replayed: 1 to mail\.batch\.gmail$/m);
  // It fails once more: a dead letter of its own.
  await finished(2);
  const after = JSON.parse((await rig.run('--json', 'dlq')).out);
  assert.deepEqual(after, [{ topic: dlq, letters: 2, replayed: 1, begun: 0, waiting: 1 }]);
  await consumer.stop();
  const once = await rig.run('dlq', 'replay', shard, '--offset', '0');
  assert.match(once.out, /^0 replayed\n1 left: replayed before/);
});
