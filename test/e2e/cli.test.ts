/** `millrace` as a person uses it: the real command on a real pipeline, in a directory below the installation's. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '@millrace/kafka/testing';
import { pythonWithRequirements } from '../../examples/python-environment.ts';
import { writeEndpoints } from '../../infra/pipeline/endpoints.ts';
import { type Pipeline, startPipeline } from '../../infra/pipeline/pipeline.ts';
import { externalAddresses } from '../../infra/stack/external-addresses.ts';

const root = resolve(import.meta.dirname, '../..');
const bin = join(root, 'services', 'cli', 'bin', 'millrace.js');
const topicPrefix = `e2e-cli-${process.pid}.`;
const from = 'The Shop <shop@millrace.test>';

let directory: string;
let pipeline: Pipeline;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  mkdirSync(join(directory, 'work', 'deep'), { recursive: true });
  const addresses = externalAddresses(process.env);
  assert.ok(addresses, 'Run through `npm test`, or set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL.');
  const installation = join(directory, '.millrace');
  pipeline = await startPipeline({ directory: installation, addresses, topicPrefix, ports: 'free' });
  writeEndpoints(installation, pipeline.endpoints);
});
after(async () => {
  await pipeline?.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a terminal of this person's has set: nothing of ours. */
const environment = (): NodeJS.ProcessEnv => {
  const ours = /^(MILLRACE_|KAFKA_|SCHEMA_REGISTRY_|REDIS_|OTEL_|NODE_TEST_CONTEXT|FORCE_COLOR)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
};

const start = (
  argv: readonly string[],
  node = process.execPath,
): { child: ChildProcess; ended: Promise<Ran>; out: () => string } => {
  const child = spawn(node, [bin, ...argv], { cwd: join(directory, 'work', 'deep'), env: environment() });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Ran>((done, failed) => {
    child.once('error', failed);
    child.once('close', (code) => done({ code: code ?? -1, out, err }));
  });
  return { child, ended, out: () => out };
};

const millrace = (...argv: readonly string[]): Promise<Ran> => start(argv).ended;

/** Runs with --json and gives the one document; `code` is what it must end with. */
const json = async (code: number, ...argv: readonly string[]) => {
  const ran = await millrace('--json', ...argv);
  assert.equal(ran.code, code, `${argv.join(' ')}: ${ran.out}${ran.err}`);
  return JSON.parse(ran.out || ran.err);
};

interface Mail {
  readonly subject: string;
  readonly raw: string;
  readonly auth: { readonly dmarc: { readonly result: string } };
}

const received = async (to: string) => {
  const url = `${pipeline.endpoints.sandbox.http}/messages?to=${encodeURIComponent(to)}&wait_ms=30000`;
  const { messages }: { messages: Mail[] } = JSON.parse(await (await fetch(url)).text());
  const [mail] = messages;
  assert.ok(mail && messages.length === 1, `one mail to ${to}`);
  return mail;
};

test('a message is sent, waited for, and traced', async () => {
  const sent = await json(
    0,
    ...[
      'send',
      '--from',
      from,
      '--to',
      'ada@gmail.com',
      '--subject',
      'Hi',
      '--text',
      'Hello',
      '--category',
      'otp',
    ],
    ...['--tag', 'first', '--metadata', 'order=4711', '--wait'],
  );
  const [message] = sent.messages;
  assert.equal(message.outcome, 'delivered');
  assert.equal(message.stream, 'realtime');
  assert.ok(message.latency_ms < 30_000);
  const mail = await received('ada@gmail.com');
  assert.equal(mail.subject, 'Hi');
  const life = await json(0, 'trace', message.message_id);
  assert.deepEqual(
    life.events.map(({ kind }: { kind: string }) => kind),
    ['accepted', 'routed', 'delivered'],
  );
  assert.deepEqual(life.events[0].metadata, { order: '4711' });
  const shown = await millrace('trace', message.message_id.toUpperCase());
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^[0-9a-f-]{36} {2}to ada@gmail\.com$/m);
  assert.match(shown.out, /delivered +1 +gmail · gmail-smtp-in\.l\.google\.com from realtime-\d/);
  assert.match(shown.out, /^delivered after /m);
});

test('a whole message goes to its own recipients, as it is', async () => {
  const eml = join(directory, 'order.eml');
  const body = 'Grüße, and a line that begins with a dot:\r\n..\r\n.end\r\n';
  writeFileSync(
    eml,
    `From: shop@millrace.test\r\nTo: Grace <grace@yahoo.com>\r\nCc: linus@tail-01.test\r\nSubject: As it is\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${body}`,
  );
  const ran = await millrace('send', '--eml', eml, '--stream', 'batch', '--wait');
  assert.equal(ran.code, 0, ran.out + ran.err);
  assert.match(ran.out, /grace@yahoo\.com +delivered/);
  for (const to of ['grace@yahoo.com', 'linus@tail-01.test']) {
    const mail = await received(to);
    assert.ok(mail.raw.endsWith(body), mail.raw);
  }
});

test('a template is stored, shown, used and deleted', async () => {
  const html = join(directory, 'welcome.html');
  writeFileSync(html, '<p>Dear {{ name }}</p>');
  const put = () => json(0, 'template', 'put', 'welcome', '--subject', 'Hello {{ name }}', '--html', html);
  assert.equal((await put()).version, 1);
  assert.equal((await put()).version, 2);
  assert.match((await millrace('template', 'list')).out, /^welcome +2 +liquid/m);
  assert.match((await millrace('template', 'show', 'welcome@1')).out, /Dear \{\{ name \}\}/);
  await json(
    0,
    ...[
      'send',
      '--from',
      from,
      '--to',
      'bea@gmail.com',
      '--template',
      'welcome',
      '--var',
      'name=<Bea>',
      '--wait',
    ],
  );
  const mail = await received('bea@gmail.com');
  assert.equal(mail.subject, 'Hello <Bea>');
  assert.match(mail.raw, /Dear &lt;Bea&gt;/);
  const wrong = await json(5, 'template', 'put', 'broken', '--subject', '{{ a', '--html', html);
  assert.equal(wrong.error.code, 'invalid-template');
  assert.equal((await millrace('template', 'delete', 'welcome')).code, 0);
  assert.equal((await json(4, 'template', 'show', 'welcome')).error.code, 'not-found');
});

test('a message that bounces ends with 1 and says why', async () => {
  const ran = await millrace(
    ...[
      'send',
      '--from',
      from,
      '--to',
      'bounce+cli@gmail.com',
      '--subject',
      'Hi',
      '--text',
      'x',
      '--stream',
      'realtime',
    ],
    '--wait',
  );
  assert.equal(ran.code, 1, ran.out + ran.err);
  assert.match(ran.out, /bounced after .*550/);
});

test('events are followed until Ctrl-C, and read back with filters', async () => {
  const follow = start(['events', '--follow', '--json', '--tag', 'followed', '--since', '1s']);
  const to = ['eve@gmail.com', 'eve@aol.com'];
  const sent = await json(
    0,
    ...[
      'send',
      '--from',
      from,
      '--subject',
      'Hi',
      '--text',
      'x',
      '--stream',
      'realtime',
      '--tag',
      'followed',
    ],
    ...to.flatMap((address) => ['--to', address]),
  );
  assert.deepEqual(
    sent.messages.map((message: { to: string }) => message.to),
    to,
  );
  const lines = () =>
    follow
      .out()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  await until(() => lines().filter(({ kind }) => kind === 'delivered').length === 2, 'both deliveries');
  follow.child.kill('SIGINT');
  const followed = await follow.ended;
  assert.equal(followed.code, 0, followed.err);
  assert.equal(lines().length, 6);
  const back = await millrace('events', '--kind', 'delivered', '--to', '@aol.com', '--tag', 'followed');
  assert.equal(back.code, 0, back.err);
  assert.match(back.out, /^\d\d:\d\d:\d\d\.\d{3} +delivered +realtime +eve@aol\.com +yahoo · .* 250 /m);
  assert.equal(back.out.trim().split('\n').length, 1);
});

test('status shows streams, shards and the lanes of both workers', async () => {
  const found = await json(0, 'status');
  assert.deepEqual(
    found.streams.map(({ stream }: { stream: string }) => stream),
    ['realtime', 'batch'],
  );
  assert.equal(found.streams[0].shards.find(({ isp }: { isp: string }) => isp === 'gmail').partitions, 4);
  assert.deepEqual(found.workers.map(({ stream }: { stream: string }) => stream).sort(), [
    'batch',
    'realtime',
  ]);
  await until(async () => {
    const { lanes } = await json(0, 'status');
    return lanes.some(
      (lane: { lane: string; sent: number }) =>
        /^realtime\/gmail\/realtime-\d$/.test(lane.lane) && lane.sent > 0,
    );
  }, 'the lane to gmail');
  const shown = await millrace('status');
  assert.match(shown.out, /^WAITING FOR +REALTIME +BATCH$/m);
  assert.match(shown.out, /^Delivery workers: 1 for realtime, 1 for batch$/m);
  assert.match(shown.out, /^realtime\/gmail\/realtime-\d .* of 5 /m);
});

test('doctor finds nothing wrong', async () => {
  const { ok, findings } = await json(0, 'doctor');
  assert.equal(ok, true, JSON.stringify(findings));
  const good = findings.filter(({ status }: { status: string }) => status === 'ok');
  assert.deepEqual(
    [...new Set(good.map(({ check }: { check: string }) => check.replace(/ \d+$/, '')))].sort(),
    ['DNS', 'Kafka', 'Redis', 'clock', 'configuration', 'ingest', 'port', 'registry'],
  );
});

test('what goes wrong has an exit code of its own', async () => {
  const hello = ['send', '--from', from, '--to', 'ada@gmail.com', '--subject', 'Hi', '--text', 'x'];
  const unknownKey = await json(5, ...hello, '--api-key', 'mr_nobody_0123456789abcdef');
  assert.equal(unknownKey.error.code, 'unauthenticated');
  assert.equal((await json(5, ...hello, '--pool', 'nowhere')).error.code, 'invalid-request');
  assert.equal((await json(3, ...hello, '--url', 'http://127.0.0.1:9')).error.code, 'ERR_INGEST_UNREACHABLE');
  assert.equal(
    (await json(4, 'trace', '01936b2e-7f3a-7cc1-9b1e-0f6a5d2c4e71', '--since', '1m')).error.code,
    'ERR_MESSAGE_NOT_FOUND',
  );
  assert.equal((await millrace('send', '--to', 'ada@gmail.com')).code, 2);
  assert.equal((await millrace('sned')).code, 2);
});

test('an older Node hands over to Node 24', async () => {
  const { stdout } = await promisify(execFile)('sh', ['-c', 'which -a node'], { env: environment() });
  const versions = await Promise.all(
    stdout
      .trim()
      .split('\n')
      .map(async (node) => ({
        node,
        version: (await promisify(execFile)(node, ['--version'])).stdout,
      })),
  );
  const older = versions.find(({ version }) => Number(/^v(\d+)/.exec(version)?.[1]) < 24)?.node;
  const ran = await start(['status', '--json'], older).ended;
  assert.equal(ran.code, 0, ran.err);
  assert.equal(JSON.parse(ran.out).streams.length, 2);
});

test('the examples’ requests arrive as mails', { timeout: 240_000 }, async () => {
  const producers = [
    [process.execPath, join(root, 'examples', 'typescript', 'send.ts'), 'typescript@gmail.com'],
    [await pythonWithRequirements(), join(root, 'examples', 'python', 'send.py'), 'python@gmail.com'],
  ] as const;
  for (const [program, script, to] of producers) {
    await promisify(execFile)(program, [script, to], {
      env: {
        ...environment(),
        KAFKA_BROKERS: pipeline.endpoints.kafka,
        SCHEMA_REGISTRY_URL: pipeline.endpoints.registry,
        MILLRACE_TOPIC: `${topicPrefix}mail.requests`,
      },
    });
    const mail = await received(to);
    assert.equal(mail.subject, 'Your order 4711');
    assert.equal(mail.auth.dmarc.result, 'pass');
    const events = await millrace('events', '--to', to, '--tag', 'order', '--json');
    assert.match(events.out, /"kind":"delivered"/);
  }
});
