import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Config, loadConfig } from '@millrace/service';
import { headerProxy, socksServer } from '@millrace/smtp/testing';
import { judgeClock, readClock } from './clock-check.ts';
import { checkConfig } from './config-check.ts';
import { checkDns } from './dns-check.ts';
import type { Finding } from './finding.ts';
import { checkPorts, greet, type Target } from './port-check.ts';
import { withoutPassword } from './redis-check.ts';

const defaults = loadConfig({ env: {} });
const statuses = (findings: readonly Finding[]) => findings.map(({ status }) => status);

test('clock: the most exact reading counts, and only what is certain', async () => {
  const reading = (of: string, offset: number, uncertaintyMs: number) => ({
    of,
    theirs: 1_000_000,
    ours: 1_000_000 + offset,
    uncertaintyMs,
  });
  assert.deepEqual(statuses(judgeClock([])), ['skipped']);
  assert.deepEqual(statuses(judgeClock([reading('Redis', 3, 1)])), ['ok']);
  assert.deepEqual(statuses(judgeClock([reading('the registry', 900, 510), reading('Redis', 3, 1)])), ['ok']);
  assert.match(judgeClock([reading('Redis', -2_500, 1)])[0]?.what ?? '', /2\.5 s behind Redis/);
  assert.deepEqual(statuses(judgeClock([reading('Redis', -2_500, 1)])), ['warning']);
  assert.deepEqual(statuses(judgeClock([reading('Redis', 60_000, 1)])), ['failed']);
  let now = 5_000;
  const read = await readClock(
    'ingest',
    1_000,
    async () => {
      now += 100;
      return 4_000;
    },
    () => now,
  );
  assert.deepEqual(read, { of: 'ingest', theirs: 4_500, ours: 5_050, uncertaintyMs: 550 });
  assert.equal(await readClock('ingest', 1_000, async () => undefined), undefined);
});

const resolver = (mx: readonly string[], addresses: readonly string[]) => ({
  resolve: async () =>
    mx.length === 0
      ? ({ kind: 'no_domain' } as const)
      : ({
          kind: 'mx',
          ttl: 60,
          hosts: mx.map((exchange, preference) => ({ exchange, preference })),
        } as const),
  addresses: async () =>
    addresses.length === 0 ? ({ kind: 'none' } as const) : ({ kind: 'addresses', addresses } as const),
});

test('DNS: the mail servers of gmail.com must be found, and be Google’s', async () => {
  const google = 'gmail-smtp-in.l.google.com';
  const good = await checkDns(resolver([google], ['192.0.2.1']), ['192.0.2.53:53']);
  assert.deepEqual(statuses(good.findings), ['ok']);
  assert.match(good.findings[0]?.what ?? '', /192\.0\.2\.53:53.*google\.com \(192\.0\.2\.1\)/);
  assert.equal(good.host, google);
  assert.deepEqual(statuses((await checkDns(resolver([], []), [])).findings), ['failed']);
  assert.deepEqual(statuses((await checkDns(resolver([google], []), [])).findings), ['failed']);
  assert.deepEqual(statuses((await checkDns(resolver(['mx.other.example'], ['192.0.2.1']), [])).findings), [
    'warning',
  ]);
  const broken = {
    ...resolver([], []),
    resolve: async () => ({ kind: 'temporary', reason: 'no answer' }) as const,
  };
  assert.match((await checkDns(broken, [])).findings[0]?.what ?? '', /system's servers: no answer/);
});

const withSources = (sources: Config['sources'], delivery: Partial<Config['delivery']> = {}): Config => ({
  ...defaults,
  sources,
  delivery: { ...defaults.delivery, ...delivery },
});
const mx = { host: 'mx.example', addresses: ['127.0.0.1'] };

test('port 25: each source tries from its own address, a relay is tried instead of a provider', async () => {
  const asked: Target[] = [];
  const ask = async (target: Target) => {
    asked.push(target);
    return { kind: 'greeted', line: '220 mx.example ESMTP' } as const;
  };
  const config = withSources({
    one: { address: '127.0.3.1' },
    relay: {
      relay: { host: 'smarthost.example', port: 587, tls: 'required', max_connections: 5 },
    },
  });
  assert.deepEqual(statuses(await checkPorts(config, mx, ask)), ['ok', 'ok']);
  assert.deepEqual(
    asked.map(({ address, port, localAddress }) => `${localAddress ?? 'any'} to ${address}:${port}`).sort(),
    ['127.0.3.1 to 127.0.0.1:25', 'any to smarthost.example:587'],
  );
  const four = withSources({ a: {}, b: {}, c: {}, d: {} });
  const findings = await checkPorts(four, mx, ask);
  assert.deepEqual(statuses(findings), ['ok']);
  assert.match(findings[0]?.what ?? '', /from each of 4 sources/);
  assert.deepEqual(statuses(await checkPorts(defaults, mx, ask)), ['ok']);
});

test('port 25: a source behind a proxy tries through it, and a proxy that is away is told', async () => {
  const from: (string | undefined)[] = [];
  const server = createServer((socket) => {
    from.push(socket.remoteAddress);
    socket.on('error', () => socket.destroy());
    socket.write('220 mx.example ESMTP\r\n');
    socket.on('data', () => socket.write('250 mx.example\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : assert.fail('no port');
  await using header = await headerProxy();
  await using socks = await socksServer({ source: '127.0.4.6' });
  const host = '127.0.0.1';
  const config = withSources(
    {
      header: { address: '127.0.4.5', proxy: { protocol: 'proxy_v2', host, port: header.port } },
      socks: { proxy: { protocol: 'socks5', host, port: socks.port } },
    },
    { port, loopback_only: true },
  );
  assert.deepEqual(statuses(await checkPorts(config, mx)), ['ok', 'ok']);
  assert.deepEqual(from.toSorted(), ['127.0.4.5', '127.0.4.6']);
  await header.stop();
  const [away] = await checkPorts(config, mx);
  assert.equal(away?.status, 'failed');
  assert.match(away?.what ?? '', /from header .*PROXY v2 proxy 127\.0\.0\.1:\d+ cannot be reached/);
  server.close();
});

test('port 25: what blocks it is said with what to do', async () => {
  const blocked = async () => ({ kind: 'failed', reason: 'no answer within 10 s' }) as const;
  const listed = async () => ({ kind: 'greeted', line: '554 5.7.1 you are listed' }) as const;
  assert.match(
    (await checkPorts(defaults, mx, blocked))[0]?.todo ?? '',
    /open it, or send through a source with a relay/,
  );
  assert.match((await checkPorts(defaults, mx, listed))[0]?.what ?? '', /554 5\.7\.1 you are listed/);
  assert.deepEqual(statuses(await checkPorts(defaults, { addresses: [] }, blocked)), ['skipped']);
});

test('port 25: what is not loopback is never tried where the configuration forbids it', async () => {
  const config = withSources({}, { loopback_only: true });
  const findings = await checkPorts(config, { host: 'mx.example', addresses: ['192.0.2.1'] }, () =>
    assert.fail('tried'),
  );
  assert.deepEqual(statuses(findings), ['failed']);
  assert.match(findings[0]?.what ?? '', /loopback_only/);
});

test('a greeting is the first line; silence, noise and a closed port are failures', async () => {
  const answers = ['220 mx ', undefined, 'x'.repeat(5_000), 'close'] as const;
  for (const answer of answers) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      if (answer === 'close') socket.end();
      else if (answer !== undefined) {
        socket.write(answer);
        if (answer.startsWith('220')) setTimeout(() => socket.write('ESMTP\r\n220 more\r\n'), 10);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const greeting = await greet(
      { host: 'mx', address: '127.0.0.1', port },
      answer === undefined ? 50 : 5_000,
    );
    if (answer?.startsWith('220')) assert.deepEqual(greeting, { kind: 'greeted', line: '220 mx ESMTP' });
    else assert.equal(greeting.kind, 'failed');
    await new Promise((resolve) => server.close(resolve));
    if (answer === 'close')
      assert.equal((await greet({ host: 'mx', address: '127.0.0.1', port }, 5_000)).kind, 'failed');
  }
});

test('configuration: key files and sending addresses must be there', () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  const pem = (name: string, key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }) => {
    writeFileSync(join(directory, name), key.export({ type: 'pkcs8', format: 'pem' }));
    return join(directory, name);
  };
  const rsa = pem('rsa.pem', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
  const ed = pem('ed.pem', generateKeyPairSync('ed25519').privateKey);
  const config = (keys: Config['dkim'][number]['keys'], address = '127.0.3.1'): Config => ({
    ...defaults,
    tenants: {
      acme: {
        default_stream: 'batch',
        categories: {},
        from_domains: [],
        pools: { realtime: 'realtime', batch: 'batch' },
        api_keys: [],
      },
    },
    dkim: [{ domain: 'acme.example', keys }],
    sources: { one: { address } },
  });
  const machine = { addresses: new Set(['203.0.113.9']) };
  const check = (value: Config) => checkConfig({ config: value, configOrigin: 'millrace.yaml' }, machine);
  const good = [
    { selector: 'r', algorithm: 'rsa-sha256', key_file: rsa } as const,
    { selector: 'e', algorithm: 'ed25519-sha256', key_file: ed } as const,
  ];
  assert.deepEqual(statuses(check(config(good))), ['ok']);
  assert.deepEqual(statuses(check(config(good, '203.0.113.9'))), ['ok']);
  assert.deepEqual(statuses(check(config(good, '203.0.113.10'))), ['ok', 'warning']);
  const proxy = { protocol: 'proxy_v2', host: 'p.example', port: 1_080 } as const;
  const behind = { ...config(good), sources: { one: { address: '203.0.113.10', proxy } } };
  assert.deepEqual(statuses(check(behind)), ['ok'], 'the address is the proxy’s');
  const swapped = check(config([{ selector: 'r', algorithm: 'rsa-sha256', key_file: ed }]));
  assert.match(swapped[0]?.what ?? '', /r\._domainkey\.acme\.example, is a key of type ed25519, not rsa/);
  const missing = check(
    config([{ selector: 'r', algorithm: 'rsa-sha256', key_file: join(directory, 'no.pem') }]),
  );
  assert.match(missing[0]?.what ?? '', /is not there/);
  assert.deepEqual(statuses(checkConfig({ config: defaults, configOrigin: 'defaults' }, machine)), [
    'ok',
    'warning',
  ]);
  rmSync(directory, { recursive: true });
});

test('a password in the address of Redis is not shown', () => {
  assert.equal(
    withoutPassword('redis://user:secret@redis.example:6379/2'),
    'redis://user@redis.example:6379/2',
  );
});
