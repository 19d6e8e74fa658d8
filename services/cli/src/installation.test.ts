import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CliError } from './cli-error.ts';
import { findInstallation } from './installation.ts';

let directory: string;
let inside: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  inside = join(directory, 'a', 'b');
  mkdirSync(inside, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const endpoints = {
  ingest: { http: 'http://127.0.0.1:7400/', smtp: '127.0.0.1:7401' },
  apiKey: 'mr_local_0123456789abcdef',
  sandbox: { http: 'http://127.0.0.1:7402' },
  kafka: '127.0.0.1:7420,127.0.0.1:7421',
  registry: 'http://127.0.0.1:7422/apis/ccompat/v7',
  redis: 'redis://:secret@127.0.0.1:7423',
};
const writeEndpoints = (content: unknown = endpoints) => {
  mkdirSync(join(directory, '.millrace'), { recursive: true });
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  writeFileSync(join(directory, '.millrace', 'endpoints.json'), text);
};
const writeConfig = (file: string, text: string): string => {
  const path = join(directory, file);
  writeFileSync(path, text);
  return path;
};
const refused = (work: () => unknown, message: RegExp) =>
  assert.throws(work, (error) => {
    assert.ok(error instanceof CliError);
    assert.equal(error.ending, 'usage');
    assert.match(error.message, message);
    return true;
  });

test('without anything the defaults hold', () => {
  const found = findInstallation({}, {}, inside);
  assert.equal(found.ingestUrl, 'http://127.0.0.1:7400');
  assert.equal(found.apiKey, undefined);
  assert.deepEqual(found.config.kafka.brokers, ['127.0.0.1:9092']);
  assert.equal(found.endpoints, undefined);
});

test('the local pipeline is found from any directory below it', () => {
  writeEndpoints();
  const found = findInstallation({}, {}, inside);
  assert.equal(found.ingestUrl, 'http://127.0.0.1:7400');
  assert.equal(found.apiKey, endpoints.apiKey);
  assert.equal(found.sandboxUrl, endpoints.sandbox.http);
  assert.deepEqual(found.config.kafka.brokers, ['127.0.0.1:7420', '127.0.0.1:7421']);
  assert.equal(found.config.registry.url, endpoints.registry);
  assert.equal(found.config.redis.url, endpoints.redis);
});

test('its own configuration, beside its endpoints, tells what they do not', () => {
  writeEndpoints();
  writeConfig('.millrace/millrace.yaml', 'kafka:\n  topic_prefix: local.\n  brokers: [10.0.0.1:9092]\n');
  const found = findInstallation({}, {}, inside);
  assert.equal(found.config.kafka.topic_prefix, 'local.');
  assert.deepEqual(found.config.kafka.brokers, ['127.0.0.1:7420', '127.0.0.1:7421']);
});

test('the environment wins over the local pipeline, flags over the environment', () => {
  writeEndpoints();
  const env = {
    MILLRACE_URL: 'https://mail.acme.example/',
    MILLRACE_API_KEY: 'mr_env_x',
    KAFKA_BROKERS: 'broker:9092',
  };
  const byEnv = findInstallation({}, env, inside);
  assert.equal(byEnv.ingestUrl, 'https://mail.acme.example');
  assert.equal(byEnv.apiKey, 'mr_env_x');
  assert.deepEqual(byEnv.config.kafka.brokers, ['broker:9092']);
  const byFlag = findInstallation({ url: 'http://other:1', apiKey: 'mr_flag_x' }, env, inside);
  assert.equal(byFlag.ingestUrl, 'http://other:1');
  assert.equal(byFlag.apiKey, 'mr_flag_x');
});

test('a configuration that is named means another installation than the local one', () => {
  writeEndpoints();
  const file = writeConfig(
    'cluster.yaml',
    'kafka: { brokers: [k1:9092] }\ningest: { http: { host: 0.0.0.0, port: 8000 } }\n',
  );
  for (const found of [
    findInstallation({ config: '../../cluster.yaml' }, {}, inside),
    findInstallation({}, { MILLRACE_CONFIG: file }, inside),
  ]) {
    assert.equal(found.endpoints, undefined);
    assert.equal(found.apiKey, undefined);
    assert.equal(found.ingestUrl, 'http://127.0.0.1:8000');
    assert.deepEqual(found.config.kafka.brokers, ['k1:9092']);
    assert.equal(found.configOrigin, file);
  }
});

test('files that are missing or wrong are named', () => {
  refused(
    () => findInstallation({ config: 'none.yaml' }, {}, inside),
    /There is no configuration file .*none\.yaml/,
  );
  writeConfig('wrong.yaml', 'kafka:\n  brokrs: [a:1]\n');
  refused(() => findInstallation({ config: '../../wrong.yaml' }, {}, inside), /wrong\.yaml:2: .*brokers/);
  refused(() => findInstallation({ url: 'mail.acme.example' }, {}, inside), /not an http or https URL/);
  writeEndpoints('{');
  refused(() => findInstallation({}, {}, inside), /endpoints\.json is not JSON/);
  writeEndpoints({ ...endpoints, kafka: undefined });
  refused(() => findInstallation({}, {}, inside), /does not say kafka/);
});
