import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { freePorts } from './stack/ports.ts';

const directory = mkdtempSync(join(tmpdir(), 'millrace-start-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** Not one of these starts anything: each must end by itself. */
async function run(
  script: 'start.ts' | 'stack.ts',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Pick<SpawnSyncReturns<string>, 'status' | 'stdout' | 'stderr'>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), ...args], {
    env: {
      ...process.env,
      KAFKA_BROKERS: '',
      SCHEMA_REGISTRY_URL: '',
      REDIS_URL: '',
      MILLRACE_DIRECTORY: directory,
      MILLRACE_PORT_BASE: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [status, stdout, stderr] = await Promise.all([
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
    text(child.stdout),
    text(child.stderr),
  ]);
  return { status, stdout, stderr };
}

const oneSentence = (stderr: string): string => {
  const lines = stderr.trim().split('\n');
  assert.equal(lines.length, 1, stderr);
  return lines[0] ?? '';
};

test('wrong arguments get the usage and exit code 2', async () => {
  const start = await run('start.ts', ['--clean']);
  assert.equal(start.status, 2);
  assert.match(start.stderr, /Unknown option '--clean'.*\nusage: npm start \[-- --fresh\]/);
  for (const args of [[], ['restart'], ['up', 'now']]) {
    const stack = await run('stack.ts', args);
    assert.equal(stack.status, 2);
    assert.match(stack.stderr, /^usage: npm run stack -- up \| down \| status \| reset$/m);
  }
});

test('a port in use is one sentence that names the port, who needs it and what to do', async () => {
  const [base = 0] = await freePorts(1);
  for (const [offset, owner] of [
    [0, 'the HTTP API'],
    [7, 'the schema registry'],
  ] as const) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(base + offset, '127.0.0.1', resolve));
    const taken = await run('start.ts', [], { MILLRACE_PORT_BASE: String(base) });
    await new Promise((resolve) => server.close(resolve));
    assert.equal(taken.status, 1);
    const sentence = oneSentence(taken.stderr);
    assert.ok(
      sentence.includes(`Port ${base + offset} on 127.0.0.1, which ${owner} needs, is in use`),
      sentence,
    );
    assert.match(sentence, /stop the program that holds it, or choose other ports with MILLRACE_PORT_BASE/);
    assert.equal(existsSync(join(directory, 'endpoints.json')), false);
  }
});

test('a port base that is none is refused', async () => {
  const wrong = await run('start.ts', [], { MILLRACE_PORT_BASE: '70000' });
  assert.equal(wrong.status, 1);
  assert.match(
    oneSentence(wrong.stderr),
    /^MILLRACE_PORT_BASE is "70000": it must be a port from 1024 to 65000/,
  );
});

test('addresses of some servers and not of others are refused', async () => {
  const half = await run('start.ts', [], { KAFKA_BROKERS: 'kafka:9092' });
  assert.equal(half.status, 1);
  assert.match(
    oneSentence(half.stderr),
    /^KAFKA_BROKERS is set but SCHEMA_REGISTRY_URL and REDIS_URL are not/,
  );
});

test('servers of the user are neither started, stopped nor forgotten', async () => {
  const own = {
    KAFKA_BROKERS: 'kafka:9092',
    SCHEMA_REGISTRY_URL: 'http://registry',
    REDIS_URL: 'redis://redis',
  };
  const up = await run('stack.ts', ['up'], own);
  assert.equal(up.status, 1);
  assert.match(
    oneSentence(up.stderr),
    /^KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL name servers of your own/,
  );
  const fresh = await run('start.ts', ['--fresh'], own);
  assert.equal(fresh.status, 1);
  assert.match(oneSentence(fresh.stderr), /^--fresh forgets the data of the embedded stack/);
  const status = await run('stack.ts', ['status'], own);
  assert.equal(status.status, 0);
  assert.match(status.stdout, /KAFKA_BROKERS=kafka:9092/);
});

test('where nothing runs, status says so, and down and reset have nothing to do', async () => {
  const status = await run('stack.ts', ['status']);
  assert.equal(status.status, 1);
  assert.equal(status.stdout, 'The stack is not running: npm run stack -- up\n');
  assert.equal((await run('stack.ts', ['down'])).stdout, 'The stack is not running.\n');
  assert.equal((await run('stack.ts', ['reset'])).status, 0);
});

test('a second start in the same place is refused while the first one runs', async () => {
  // This process stands for the first: what makes it one is its number and `infra/start.ts` in its command line.
  const first = spawn(process.execPath, ['-e', '/* infra/start.ts */ setInterval(() => undefined, 1000)']);
  try {
    writeFileSync(join(directory, 'start.json'), JSON.stringify({ pid: first.pid, services: [] }));
    for (const [script, args] of [
      ['start.ts', []],
      ['stack.ts', ['reset']],
    ] as const) {
      const second = await run(script, args);
      assert.equal(second.status, 1);
      assert.match(oneSentence(second.stderr), /^Millrace is already running here \(process \d+\): stop it/);
    }
  } finally {
    first.kill('SIGKILL');
  }
});

test('a missing Java is one sentence that says what to install', async () => {
  const without = await run('start.ts', [], { JAVA_HOME: join(directory, 'no-java') });
  assert.equal(without.status, 1);
  assert.match(oneSentence(without.stderr), /^Java 17 or newer is needed to run Kafka.*install it/);
});
