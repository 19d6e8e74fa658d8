import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '@millrace/service';
import { pipelinePortsFrom } from './addresses.ts';
import { type LocalConfigurationOptions, writeLocalConfiguration } from './local-configuration.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-local-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const options: LocalConfigurationOptions = {
  directory,
  addresses: {
    KAFKA_BROKERS: 'a:9092,b:9092',
    SCHEMA_REGISTRY_URL: 'http://registry:8081',
    REDIS_URL: 'redis://user:hush@redis:6379',
  },
  ports: pipelinePortsFrom(7400),
};
const load = (file: string) => loadConfig({ file, env: {} });

test('what is written is a configuration that every service takes', async () => {
  const { file, credentials } = await writeLocalConfiguration(options);
  const config = load(file);
  assert.deepEqual(config.kafka.brokers, ['a:9092', 'b:9092']);
  assert.equal(config.ingest.http.port, 7400);
  assert.deepEqual(config.router.dns_servers, ['127.0.0.1:7404']);
  assert.equal(config.delivery.loopback_only, true);
  assert.equal(config.delivery.port, config.sandbox.smtp_port);
  assert.equal(config.tenants.local?.api_keys[0]?.sha256, credentials.apiKey.sha256);
  const realtime = new Set(config.pools.realtime?.sources.map(({ source }) => source));
  assert.ok(config.pools.batch?.sources.every(({ source }) => !realtime.has(source)));
});

test('no secret of the environment goes into the file, and nobody else can read it', async () => {
  const { file } = await writeLocalConfiguration(options);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /hush/);
  assert.equal(statSync(file).mode & 0o077, 0);
  assert.equal(statSync(join(directory, 'keys', 'credentials.json')).mode & 0o077, 0);
});

test('keys are made once: writing it again changes nothing', async () => {
  const first = await writeLocalConfiguration(options);
  const before = readFileSync(first.file, 'utf8');
  const second = await writeLocalConfiguration(options);
  assert.deepEqual(second, first);
  assert.equal(readFileSync(second.file, 'utf8'), before);
});

test('the sandbox publishes the public half of each signing key', async () => {
  const { file, credentials } = await writeLocalConfiguration(options);
  const { publish } = load(file).sandbox;
  for (const { selector, file: keyFile, algorithm } of credentials.dkim) {
    const record = publish.find(({ name }) => name === `${selector}._domainkey.millrace.test`)?.value ?? '';
    const published = Buffer.from(/p=(.*)$/.exec(record)?.[1] ?? '', 'base64');
    const jwk = createPublicKey(readFileSync(keyFile)).export({ format: 'jwk' });
    const own =
      algorithm === 'ed25519-sha256'
        ? Buffer.from(jwk.x ?? '', 'base64url')
        : createPublicKey(readFileSync(keyFile)).export({ type: 'spki', format: 'der' });
    assert.deepEqual(published, own);
  }
});

test('overrides win key by key, lists replace lists', async () => {
  const { file } = await writeLocalConfiguration({
    ...options,
    topicPrefix: 'try-1.',
    overrides: {
      delivery: { max_connections: 7 },
      pools: { batch: { sources: [{ source: 'batch-2', weight: 3 }] } },
    },
  });
  const config = load(file);
  assert.equal(config.delivery.max_connections, 7);
  assert.equal(config.delivery.loopback_only, true);
  assert.deepEqual(config.pools.batch?.sources, [{ source: 'batch-2', weight: 3 }]);
  assert.equal(config.kafka.topic_prefix, 'try-1.');
  assert.equal(config.redis.key_prefix, 'try-1:');
});
