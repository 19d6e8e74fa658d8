import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { topics } from '@millrace/core';
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { deleteTopics } from '@millrace/kafka/testing';
import { loadConfig } from '@millrace/service';

const directory = mkdtempSync(join(tmpdir(), 'millrace-setup-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const prefix = `setup-${randomUUID().slice(0, 8)}.`;

const setup = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'setup.ts'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, MILLRACE_TOPIC_PREFIX: prefix, ...env },
  });

test('setup makes an installation, and doing it again changes nothing', async () => {
  const first = setup(['--directory', directory, '--listen', '0.0.0.0']);
  assert.equal(first.status, 0, first.stderr);
  const key = /^API key: (mr_local_\S+)$/m.exec(first.stdout)?.[1];
  assert.ok(key);

  const file = join(directory, 'millrace.yaml');
  const written = readFileSync(file, 'utf8');
  const config = loadConfig({ file, env: { ...process.env, MILLRACE_TOPIC_PREFIX: prefix } });
  assert.equal(config.ingest.http.host, '0.0.0.0');
  const kafka = await connectKafka(kafkaOptionsOf(config, 'test'));
  try {
    const before = await kafka.clusterFacts();
    assert.ok(before.topics.includes(topics.requests));
    assert.ok(before.topics.includes('mail.batch.gmail'));

    const second = setup(['--directory', directory]);
    assert.equal(second.status, 0, second.stderr);
    assert.doesNotMatch(second.stdout, /mr_local_/);
    assert.equal(readFileSync(file, 'utf8'), written);
    assert.deepEqual((await kafka.clusterFacts()).topics.toSorted(), before.topics.toSorted());
  } finally {
    await kafka.stop();
    await deleteTopics(kafkaOptionsOf(config, 'test'));
  }
});

test('wrong arguments get the usage and exit code 2', () => {
  for (const args of [[], ['--directory'], ['--directory', directory, '--port', '1']]) {
    const wrong = setup(args);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /^usage: node infra\/setup\.ts --directory DIR/m);
  }
});

test('without the addresses of the servers it says which are wanted', () => {
  const without = setup(['--directory', directory], {
    KAFKA_BROKERS: '',
    SCHEMA_REGISTRY_URL: '',
    REDIS_URL: '',
  });
  assert.equal(without.status, 1);
  assert.match(without.stderr, /^Set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL .*\n$/);
});

test('a broker that is not there is one sentence', () => {
  const away = setup(['--directory', directory], { KAFKA_BROKERS: '127.0.0.1:1' });
  assert.equal(away.status, 1);
  assert.match(away.stderr, /^No Kafka broker at 127\.0\.0\.1:1: .*\n$/);
});
