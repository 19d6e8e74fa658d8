/** `npm start` as a person runs it: a stack of its own, free ports, a directory of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts } from '../infra/stack/ports.ts';

const root = resolve(import.meta.dirname, '..');
const directory = mkdtempSync(join(tmpdir(), 'millrace-npm-start-'));
const endpointsFile = join(directory, 'endpoints.json');

interface Endpoints {
  readonly ingest: { readonly http: string; readonly smtp: string };
  readonly apiKey: string;
  readonly sandbox: { readonly http: string };
  readonly kafka: string;
  readonly registry: string;
  readonly redis: string;
}

interface Run {
  readonly child: ChildProcess;
  /** Everything that it printed so far. */
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

const runs: Run[] = [];

/** `npm start` itself, with npm between us and it. */
function npmStart(...args: readonly string[]): Run {
  const child = spawn('npm', ['start', ...(args.length === 0 ? [] : ['--', ...args])], {
    cwd: root,
    env: {
      ...process.env,
      KAFKA_BROKERS: '',
      SCHEMA_REGISTRY_URL: '',
      REDIS_URL: '',
      MILLRACE_DIRECTORY: directory,
      MILLRACE_PORT_BASE: '0',
      NODE_TEST_CONTEXT: '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const run: Run = {
    child,
    output: () => output,
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  };
  runs.push(run);
  return run;
}

async function until(run: Run, what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 150_000;
  while (!condition()) {
    assert.equal(run.child.exitCode, null, `it ended before ${what}:\n${run.output()}`);
    assert.ok(performance.now() < deadline, `${what} did not come about:\n${run.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const json = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8'));

/** Every process that it started: services, Kafka, registry, Redis. */
function processes(): readonly { readonly name: string; readonly pid: number }[] {
  type Named = readonly { readonly name: string; readonly pid: number }[];
  const { services } = json<{ services: Named }>(join(directory, 'start.json'));
  const { servers } = json<{ servers: Named }>(join(directory, 'stack.json'));
  return [...services, ...servers];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const listens = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const colon = address.lastIndexOf(':');
    const socket = createConnection({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** A template's newest version, and the subject of it. */
async function template({ ingest, apiKey }: Endpoints): Promise<{ version: number; subject: string }> {
  const response = await fetch(`${ingest.http}/v1/templates/millrace-demo`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  assert.equal(response.status, 200);
  return JSON.parse(await response.text());
}

before(() => assert.equal(existsSync(endpointsFile), false));
after(async () => {
  for (const { child, ended } of runs) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
});

let first: Endpoints;

test('npm start brings up everything, shows what arrived, and stops all of it on SIGTERM', async () => {
  const run = npmStart();
  await until(run, 'endpoints.json', () => existsSync(endpointsFile));
  first = json<Endpoints>(endpointsFile);
  assert.deepEqual(Object.keys(first), [
    'ingest',
    'apiKey',
    'feedback',
    'sandbox',
    'kafka',
    'registry',
    'redis',
  ]);
  assert.match(first.ingest.http, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(first.ingest.smtp, /^127\.0\.0\.1:\d+$/);
  assert.match(first.apiKey, /^mr_local_/);
  assert.match(first.redis, /^redis:\/\/127\.0\.0\.1:\d+$/);
  await until(run, 'the last line', () =>
    /Ready after [\d.]+ s\. Ctrl-C stops everything/.test(run.output()),
  );

  const table = run.output();
  assert.match(table, /^ +realtime +gmail +1 +yes +pass +pass +pass +\d+$/m);
  const batch = [...table.matchAll(/^ +batch +(\S+) +(\d+) +\S+ +pass +pass +pass +([\d ]+)$/gm)];
  assert.deepEqual(batch.map(([, provider]) => provider).toSorted(), [
    'apple',
    'comcast',
    'gmail',
    'gmx',
    'mimecast',
    'office365',
    'orange',
    'outlook',
    'tail',
    'yahoo',
  ]);
  const counts = batch.map(([, , count = '', times = '']) => [
    Number(count),
    times.trim().split(/ +/).length,
  ]);
  assert.ok(counts.every(([count, times]) => count === times));
  assert.equal(
    counts.reduce((sum, [count = 0]) => sum + count, 0),
    100,
  );

  // What it said is so.
  const sandbox = await fetch(`${first.sandbox.http}/stats?history=false`);
  const { accepted }: { accepted: number } = JSON.parse(await sandbox.text());
  assert.equal(accepted, 101);
  assert.equal((await fetch(`${first.registry}/subjects`)).status, 200);
  assert.equal((await template(first)).version, 1);
  for (const address of [first.ingest.smtp, first.kafka, first.redis.replace('redis://', '')])
    assert.equal(await listens(address), true, address);

  const started = processes();
  assert.deepEqual(started.map(({ name }) => name).toSorted(), [
    'Kafka',
    'Redis',
    'The schema registry',
    'delivery-batch',
    'delivery-realtime',
    'feedback',
    'ingest',
    'router-batch',
    'router-realtime',
    'sandbox',
    'scheduler',
    'shaper',
    'webhooks',
  ]);
  run.child.kill('SIGTERM');
  await run.ended;
  assert.match(run.output(), /stopped; the data are kept\n$/);
  assert.equal(existsSync(endpointsFile), false);
  assert.deepEqual(
    started.filter(({ pid }) => isAlive(pid)),
    [],
  );
});

test('a second start keeps key and data, and a child that dies ends it with one sentence', async () => {
  const run = npmStart();
  await until(run, 'endpoints.json', () => existsSync(endpointsFile));
  const second = json<Endpoints>(endpointsFile);
  assert.equal(second.apiKey, first.apiKey);
  assert.equal((await template(second)).version, 2);

  const started = processes();
  const redis = started.find(({ name }) => name === 'Redis');
  assert.ok(redis);
  process.kill(redis.pid, 'SIGKILL');
  assert.equal(await run.ended, 1);
  const said = run
    .output()
    .split('\n')
    .filter((line) => line.startsWith('Redis was killed by SIGKILL'));
  assert.equal(said.length, 1, run.output());
  assert.match(said[0] ?? '', /; the end of its log \(.*redis\.log\) says: ./);
  assert.match(
    run.output(),
    /^Everything that was started has been stopped, and the data are kept: npm start begins again\.$/m,
  );
  assert.equal(existsSync(endpointsFile), false);
  assert.deepEqual(
    started.filter(({ pid }) => isAlive(pid)),
    [],
  );
});

test('--fresh forgets key and data, and a start that is interrupted leaves nothing running', async () => {
  const run = npmStart('--fresh');
  // Kafka is up, the services are not yet.
  await until(run, 'the topics', () => /creating topics/.test(run.output()));
  const { servers } = json<{ servers: { pid: number }[] }>(join(directory, 'stack.json'));
  run.child.kill('SIGTERM');
  await run.ended;
  assert.equal(existsSync(endpointsFile), false);
  assert.deepEqual(
    servers.filter(({ pid }) => isAlive(pid)),
    [],
  );
  const credentials = join(directory, 'keys', 'credentials.json');
  assert.ok(!existsSync(credentials) || !readFileSync(credentials, 'utf8').includes(first.apiKey));
});

test('a stack that npm run stack left running is used by npm start and outlives it', async () => {
  const [port = 0] = await freePorts(1);
  const env = {
    ...process.env,
    KAFKA_BROKERS: '',
    SCHEMA_REGISTRY_URL: '',
    REDIS_URL: '',
    MILLRACE_DIRECTORY: directory,
    MILLRACE_PORT_BASE: String(port),
  };
  const stack = (command: string) =>
    spawnSync('npm', ['run', '--silent', 'stack', '--', command], { cwd: root, env, encoding: 'utf8' });
  const up = stack('up');
  assert.equal(up.status, 0, up.stderr);
  try {
    assert.match(up.stdout, new RegExp(`^  export KAFKA_BROKERS=127\\.0\\.0\\.1:${port + 5}$`, 'm'));

    const run = npmStart();
    await until(run, 'the topics', () => /those of npm run stack\n.*creating topics/.test(run.output()));
    assert.match(stack('down').stderr, /^Millrace is already running here/);
    run.child.kill('SIGTERM');
    await run.ended;
    const status = stack('status');
    assert.equal(status.status, 0, status.stdout);
    assert.deepEqual(
      [...status.stdout.matchAll(/^ +(\w+) +up /gm)].map(([, name]) => name),
      ['Kafka', 'registry', 'Redis'],
    );
  } finally {
    const down = stack('down');
    assert.equal(down.stdout, 'The stack is down; its data are kept.\n', down.stderr);
  }
  for (const offset of [5, 7, 8]) assert.equal(await listens(`127.0.0.1:${port + offset}`), false);
  assert.ok(existsSync(join(directory, 'stack', 'kafka')));
  assert.equal(stack('reset').status, 0);
  assert.equal(existsSync(join(directory, 'stack')), false);
});
