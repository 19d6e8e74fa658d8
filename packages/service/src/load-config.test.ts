import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import type { Config } from './config-schema.ts';
import { loadConfig } from './load-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-config-'));
const file = join(directory, 'millrace.yaml');
after(() => rmSync(directory, { recursive: true }));

type Env = Record<string, string>;

const load = (yaml: string, env: Env = {}): Config => {
  writeFileSync(file, yaml);
  return loadConfig({ file, env });
};

const errorOf = (yaml: string, env: Env = {}): ConfigError => {
  try {
    load(yaml, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  assert.fail('the configuration was taken');
};

const problemsOf = (yaml: string, env: Env = {}): readonly ConfigProblem[] => errorOf(yaml, env).problems;

const installation = `
tenants:
  acme: {}
pools:
  realtime: {stream: realtime, sources: [{source: one}]}
  batch: {stream: batch, sources: [{source: two}]}
sources:
  one: {address: 127.0.2.1}
  two: {address: 127.0.2.2}
`;

describe('a configuration', () => {
  test('is full of defaults where the file says nothing', () => {
    for (const yaml of ['', '# nothing\n', '{}', 'ingest:\nkafka: {}\n']) {
      const config = load(yaml);
      assert.deepEqual(config.kafka.brokers, ['127.0.0.1:9092']);
      assert.equal(config.ingest.http.port, 7400);
      assert.equal(config.telemetry.sample_batch, 0.001);
      assert.equal(config.blobs.kind, 'file');
    }
  });

  test('fills defaults in below names of the file', () => {
    const { tenants, pools } = load(installation);
    assert.equal(tenants.acme?.default_stream, 'batch');
    assert.deepEqual(tenants.acme?.pools, { realtime: 'realtime', batch: 'batch' });
    assert.deepEqual(pools.batch?.sources, [{ source: 'two', weight: 1 }]);
  });

  test('takes relative file names from its own directory', () => {
    const config = load(
      'dkim: [{domain: a.example, keys: [{selector: s, algorithm: rsa-sha256, key_file: keys/a.pem}]}]',
    );
    assert.equal(config.dkim[0]?.keys[0]?.key_file, join(directory, 'keys/a.pem'));
  });

  test('is overridden by the environment', () => {
    const config = load('kafka: {brokers: ["a:1"], tls: {ca_file: /ca.pem}}', {
      KAFKA_BROKERS: 'b:2, c:3',
      KAFKA_TLS: 'true',
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'u',
      KAFKA_SASL_PASSWORD: 'p',
      MILLRACE_HTTP_PORT: '8081',
      REDIS_URL: '',
    });
    assert.deepEqual(config.kafka.brokers, ['b:2', 'c:3']);
    assert.deepEqual(config.kafka.tls, { ca_file: '/ca.pem', reject_unauthorized: true });
    assert.deepEqual(config.kafka.sasl, { mechanism: 'scram-sha-512', username: 'u', password: 'p' });
    assert.equal(config.telemetry.http.port, 8081);
    assert.equal(config.redis.url, 'redis://127.0.0.1:6379');
  });
});

describe('what is wrong', () => {
  test('is named with its line, its key and the word that was meant', () => {
    const error = errorOf('kafka:\n  brokers: ["a:1"]\n\ningest:\n  http:\n    prot: 1\n');
    assert.equal(error.code, 'ERR_CONFIG');
    assert.deepEqual([error.file, error.line, error.key], [file, 6, 'ingest.http.prot']);
    assert.equal(error.message, `${file}:6: ingest.http.prot: there is no such key. Did you mean "port"?`);
  });

  test('is all named at once', () => {
    const problems = problemsOf(
      'kafka: {brokers: [x]}\nrouter: {in_flight: many}\ntelemetry: {log_level: wran}\n',
    );
    assert.deepEqual(
      problems.map(({ line, key }) => [line, key]),
      [
        [1, 'kafka.brokers[0]'],
        [2, 'router.in_flight'],
        [3, 'telemetry.log_level'],
      ],
    );
    assert.match(problems[1]?.message ?? '', /a whole number from 1 to 100000, not "many"/);
    assert.match(problems[2]?.message ?? '', /Did you mean "warn"\?/);
  });

  test('is named by its variable where it came from the environment', () => {
    const [problem] = problemsOf('telemetry: {http: {port: 1}}', { MILLRACE_HTTP_PORT: 'seven' });
    assert.deepEqual(
      [problem?.variable, problem?.file, problem?.key],
      ['MILLRACE_HTTP_PORT', undefined, 'telemetry.http.port'],
    );
    const [first, second] = problemsOf('', { KAFKA_SASL_USERNAME: 'u' });
    assert.deepEqual([first?.key, second?.key], ['kafka.sasl.mechanism', 'kafka.sasl.password']);
    assert.equal(first?.variable, 'KAFKA_SASL_USERNAME');
  });

  test('may be the file', () => {
    assert.throws(
      () => loadConfig({ file: '/nowhere.yaml', env: {} }),
      /^ConfigError: \/nowhere.yaml: there is no such file/,
    );
    assert.equal(errorOf('a: [1\nb: 2').line, 2);
    assert.match(errorOf('kafka: {}\nkafka: {}').message, /:2: this is no YAML/);
    assert.match(errorOf('just text').message, /must hold keys of its own/);
  });

  const secret = 'hunter2-hunter2-hunter2';
  const leaky: readonly (readonly [string, string, Env?])[] = [
    ['a password that is no text', `kafka: {sasl: {mechanism: plain, username: u, password: [${secret}]}}`],
    ['a key in place of its hash', `tenants: {acme: {api_keys: [{id: a, sha256: ${secret}}]}}`],
    ['a password in a URL', `redis: {url: "http://:${secret}@host"}`],
    ['a misspelt key', `registry: {passwrod: ${secret}}`],
    ['a short secret', `unsubscribe: {secret: "${secret.slice(0, 7)}"}`],
    ['broken YAML', `registry: {password: "${secret}`],
    [
      'a variable',
      'kafka: {sasl: {mechanism: x}}',
      { KAFKA_SASL_PASSWORD: secret, KAFKA_SASL_USERNAME: 'u' },
    ],
  ];
  for (const [what, yaml, env] of leaky) {
    test(`never shows a secret: ${what}`, () => {
      assert.ok(!errorOf(yaml, env ?? {}).message.includes(secret.slice(0, 7)));
    });
  }

  const crossed: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'a source that is not there',
      installation.replace('source: two', 'source: tow'),
      'pools.batch.sources[0].source',
      /Did you mean "two"/,
    ],
    [
      'a source of both streams',
      installation.replace('source: two', 'source: one'),
      'pools.batch.sources[0].source',
      /share no source/,
    ],
    [
      'a pool that is not there',
      installation.replace('acme: {}', 'acme: {pools: {batch: bulk}}'),
      'tenants.acme.pools.batch',
      /no pool "bulk"/,
    ],
    [
      'a pool of the other stream',
      installation.replace('acme: {}', 'acme: {pools: {batch: realtime}}'),
      'tenants.acme.pools.batch',
      /of the stream realtime/,
    ],
    [
      'a source twice in a pool',
      installation.replace('[{source: two}]', '[{source: two}, {source: two}]'),
      'pools.batch.sources[1].source',
      /already in this pool/,
    ],
    [
      'a certificate without its key',
      'ingest: {smtp: {cert_file: a.pem}}',
      'ingest.smtp.key_file',
      /come together/,
    ],
    [
      'clear-text passwords beyond loopback',
      'ingest: {smtp: {host: 0.0.0.0, allow_insecure_auth: true}}',
      'ingest.smtp.allow_insecure_auth',
      /only taken on loopback/,
    ],
    [
      'a relay behind a proxy',
      'sources: {one: {relay: {host: r}, proxy: {protocol: socks5, host: p}}}',
      'sources.one.proxy',
      /not both/,
    ],
    [
      'a PROXY header without an address to send from',
      'sources: {one: {proxy: {protocol: proxy_v2, host: p}}}',
      'sources.one.proxy',
      /set `address`/,
    ],
    [
      'a user of a proxy without a password',
      'sources: {one: {proxy: {protocol: socks5, host: p, username: u}}}',
      'sources.one.proxy.password',
      /come together/,
    ],
    [
      'a user of a proxy that knows none',
      'sources: {one: {address: 127.0.0.1, proxy: {protocol: proxy_v2, host: p, username: u, password: p}}}',
      'sources.one.proxy.username',
      /knows no users/,
    ],
    [
      'a password that no SOCKS5 proxy takes',
      `sources: {one: {proxy: {protocol: socks5, host: p, username: u, password: ${'ä'.repeat(200)}}}}`,
      'sources.one.proxy.password',
      /longer than 255 bytes/,
    ],
    [
      'a warm-up plan that is not there',
      'sources: {one: {warm_up: {plan: 10n, start: 2026-12-01}}}',
      'sources.one.warm_up.plan',
      /there is no plan "10n"\. Did you mean "10m"/,
    ],
    [
      'a time zone that is none',
      'sources: {one: {warm_up: {plan: 1m, start: 2026-12-01, time_zone: Mars/Olympus}}}',
      'sources.one.warm_up.time_zone',
      /no time zone "Mars\/Olympus"/,
    ],
    [
      'a plan for a provider that nobody knows',
      'warm_up_plans: {own: {first_day: {gmial: 5}}}',
      'warm_up_plans.own.first_day.gmial',
      /"gmail"/,
    ],
    ['a fallback without keys', 'dkim_fallback_domain: a.example', 'dkim_fallback_domain', /no keys for/],
    [
      'an unsubscription that leads nowhere',
      'unsubscribe: {secret: 0123456789abcdef}',
      'unsubscribe',
      /needs `url`/,
    ],
  ];
  for (const [what, yaml, key, message] of crossed) {
    test(`may be ${what}`, () => {
      const [problem] = problemsOf(yaml);
      assert.equal(problem?.key, key);
      assert.match(problem?.message ?? '', message);
      assert.notEqual(problem?.line, undefined);
    });
  }

  test('is a ConfigError whatever the file holds', () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.string());
    const part = fc.constantFrom(
      'kafka',
      'tenants',
      'pools',
      'sources',
      'dkim',
      'blobs',
      'ingest',
      'unsubscribe',
      '__proto__',
      'x',
    );
    const yaml = fc.oneof(
      fc.string(),
      fc.tuple(part, value).map(([key, inner]) => `${key}: ${JSON.stringify(inner)}`),
      fc.tuple(part, part, value).map(([key, name, inner]) => `${key}: {${name}: ${JSON.stringify(inner)}}`),
    );
    fc.assert(
      fc.property(yaml, (text) => {
        try {
          assert.equal(typeof load(text).kafka.partitions, 'number');
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
