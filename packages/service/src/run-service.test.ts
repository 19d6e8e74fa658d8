import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';

const directory = mkdtempSync(join(tmpdir(), 'millrace-service-'));
after(() => rmSync(directory, { recursive: true }));

const door = resolve(import.meta.dirname, 'index.ts');
let count = 0;

interface Running {
  readonly child: ChildProcess;
  readonly health: string;
  output(): string;
  ended(): Promise<{ readonly code: number | null; readonly output: string }>;
}

/** Runs a service whose `start` has this body, with this configuration. */
const run = (start: string, yaml = '', args: readonly string[] = []): Running => {
  count += 1;
  const main = join(directory, `main-${count}.ts`);
  const config = join(directory, `config-${count}.yaml`);
  const health = join(directory, `health-${count}.json`);
  writeFileSync(
    main,
    `import { runService } from ${JSON.stringify(door)};
     await runService({ name: 'probe', start: async ({ config, logger, args, signal, redis }) => { ${start} } });`,
  );
  writeFileSync(config, yaml);
  const child = spawn(process.execPath, [main, '--config', config, ...args], {
    env: { PATH: process.env.PATH, MILLRACE_HEALTH_FILE: health },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => (output += part));
  const ended = once(child, 'close').then(([code]: unknown[]) => ({
    code: typeof code === 'number' ? code : null,
    output,
  }));
  return { child, health, output: () => output, ended: () => ended };
};

const until = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come about within 60 s.`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

const urlOf = async (service: Running): Promise<string> => {
  await until(
    'the health file',
    () => existsSync(service.health) && readFileSync(service.health, 'utf8').endsWith('\n'),
  );
  return JSON.parse(readFileSync(service.health, 'utf8')).url;
};

const still = 'return { ready: () => true, stop: async () => {} };';

describe('a service', () => {
  test('tells of its health and its metrics, and ends with 0 when it is told to', async () => {
    const service = run(
      `
      let open = false;
      setTimeout(() => { open = true; }, 50);
      return { ready: () => open, stop: async () => { logger.info({ args }, 'last words'); } };`,
      '',
      ['--stream', 'batch'],
    );
    const url = await urlOf(service);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    await until('readiness', async () => (await fetch(`${url}/readyz`)).status === 200);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /^process_cpu_time_total\{/m);
    assert.match(metrics, /service_name="probe"/);
    assert.equal((await fetch(`${url}/nothing`)).status, 404);
    service.child.kill('SIGTERM');
    const { code, output } = await service.ended();
    assert.equal(code, 0, output);
    assert.match(output, /"args":\["--stream","batch"\],"msg":"last words"/);
    assert.ok(!existsSync(service.health));
  });

  test('is not ready while it starts, and waits for Kafka instead of ending', async () => {
    const service = run(`
      globalThis.tries = (globalThis.tries ?? 0) + 1;
      if (globalThis.tries < 3) throw Object.assign(new Error('Kafka is away.'), { code: 'ERR_KAFKA_UNAVAILABLE' });
      ${still}`);
    const url = await urlOf(service);
    const statuses = new Set<string>();
    await until('readiness', async () => {
      const response = await fetch(`${url}/readyz`);
      statuses.add(`${response.status} ${JSON.parse(await response.text()).status}`);
      return response.ok;
    });
    assert.ok(statuses.has('503 Kafka is away.'), [...statuses].join(', '));
    service.child.kill('SIGINT');
    assert.equal((await service.ended()).code, 0);
  });

  test('can be stopped while it waits', async () => {
    const service = run(
      `throw Object.assign(new Error('Kafka is away.'), { code: 'ERR_KAFKA_UNAVAILABLE' });`,
    );
    await until('the second try', () => service.output().split('Not started yet').length > 2);
    service.child.kill('SIGTERM');
    assert.equal((await service.ended()).code, 0);
  });

  test('ends at once when it is told to stop a second time', async () => {
    const service = run(
      'return { ready: () => true, stop: () => new Promise(() => setInterval(() => {}, 1000)) };',
    );
    await until('its start', () => service.output().includes('millrace probe runs'));
    service.child.kill('SIGTERM');
    await until('the first signal', () => service.output().includes('Stopping'));
    service.child.kill('SIGTERM');
    assert.equal((await service.ended()).code, 1);
  });

  test('ends when something failed that nobody handled', async () => {
    const service = run(`setTimeout(() => { Promise.reject(new Error('boom')); }, 10); ${still}`);
    const { code, output } = await service.ended();
    assert.equal(code, 1);
    assert.match(output, /"level":"fatal".*boom/);
  });
});

describe('a service that cannot start says why in one sentence', () => {
  test('a wrong configuration', async () => {
    const { code, output } = await run(still, 'ingest:\n  htpp: {}\n').ended();
    assert.equal(code, 1);
    assert.match(
      output,
      /^millrace probe: \S+config-\d+\.yaml:2: ingest\.htpp: there is no such key\. Did you mean "http"\?\n$/,
    );
  });

  test('a port that is in use, with the key to change', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, output } = await run(still, `telemetry: {http: {port: ${port}}}`).ended();
    other.close();
    assert.equal(code, 1);
    assert.match(
      output,
      new RegExp(`^millrace probe: 127\\.0\\.0\\.1:${port} is in use .*\`telemetry\\.http\\.port\`.*\n$`),
    );
  });

  test('an error that has a code of its own', async () => {
    const { code, output } = await run(
      `throw Object.assign(new Error('The key is no PEM.'), { code: 'ERR_DKIM_KEY' });`,
    ).ended();
    assert.equal(code, 1);
    assert.equal(output, 'millrace probe: The key is no PEM.\n');
  });

  test('and shows the stack of what nobody foresaw', async () => {
    const { code, output } = await run(`throw new TypeError('x is not a function');`).ended();
    assert.equal(code, 1);
    assert.match(output, /TypeError: x is not a function\n\s+at /);
  });
});
