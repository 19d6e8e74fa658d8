/** `millrace` as a person uses it: the real command on a real pipeline, in a directory below the installation's. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { topics } from '@millrace/core';
import { loadConfig } from '@millrace/service';
import { pythonWithRequirements } from '../../examples/python-environment.ts';
import { writeEndpoints } from '../../infra/pipeline/endpoints.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

const root = resolve(import.meta.dirname, '../..');
const bin = join(root, 'services', 'cli', 'bin', 'millrace.js');
const from = 'The Shop <shop@millrace.test>';

let directory: string;
let pipeline: PipelineInUse;

before(async () => {
  pipeline = await usePipeline();
  directory = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  mkdirSync(join(directory, 'work', 'deep'), { recursive: true });
  // What `npm start` leaves in a checkout.
  const installation = join(directory, '.millrace');
  mkdirSync(installation);
  copyFileSync(pipeline.configurationFile, join(installation, 'millrace.yaml'));
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

/** Flags of a small message. */
const hello = (to: readonly string[], ...more: readonly string[]): string[] => [
  ...['send', '--from', from, '--subject', 'Hi', '--text', 'Hello', '--stream', 'realtime'],
  ...to.flatMap((address) => ['--to', address]),
  ...more,
];

/** Waits for what other processes bring about. */
const eventually = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 90_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `${what} did not come about within 90 s`);
    await new Promise((done) => setTimeout(done, 50));
  }
};

const received = async (to: string) => {
  const url = `${pipeline.endpoints.sandbox.http}/messages?to=${encodeURIComponent(to)}&wait_ms=30000`;
  const { messages }: { messages: Mail[] } = JSON.parse(await (await fetch(url)).text());
  const [mail] = messages;
  assert.ok(mail && messages.length === 1, `one mail to ${to}`);
  return mail;
};

test('a message is sent, waited for, and traced', async () => {
  const to = `${pipeline.unique('ada')}@gmail.com`;
  const sent = await json(
    0,
    ...hello([to], '--category', 'otp', '--tag', 'first', '--metadata', 'order=4711', '--wait', '90s'),
  );
  const [message] = sent.messages;
  assert.equal(message.outcome, 'delivered');
  assert.equal(message.recipient, to);
  assert.equal((await received(to)).subject, 'Hi');
  const life = await json(0, 'trace', message.message_id);
  assert.deepEqual(
    life.events.map(({ kind }: { kind: string }) => kind),
    ['accepted', 'routed', 'delivered'],
  );
  assert.deepEqual(life.events[0].metadata, { order: '4711' });
  const shown = await millrace('trace', message.message_id.toUpperCase());
  assert.equal(shown.code, 0, shown.err);
  assert.ok(shown.out.startsWith(`${message.message_id}  to ${to}\n`), shown.out);
  assert.match(shown.out, /delivered +1 +gmail · gmail-smtp-in\.l\.google\.com from realtime-\d/);
  assert.match(shown.out, /^delivered after /m);
});

test('a whole message goes to its own recipients, as it is', async () => {
  const eml = join(directory, 'order.eml');
  const [grace, linus] = [
    `${pipeline.unique('grace')}@yahoo.com`,
    `${pipeline.unique('linus')}@tail-01.test`,
  ];
  const body = 'Grüße, and a line that begins with a dot:\r\n..\r\n.end\r\n';
  const header = [
    ...['From: shop@millrace.test', `To: Grace <${grace}>`, `Cc: ${linus}`, 'Subject: As it is'],
    ...['MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit'],
  ];
  writeFileSync(eml, `${header.join('\r\n')}\r\n\r\n${body}`);
  const ran = await millrace('send', '--eml', eml, '--stream', 'batch', '--wait', '90s');
  assert.equal(ran.code, 0, ran.out + ran.err);
  assert.ok(
    ran.out.split('\n').some((line) => line.startsWith(grace) && line.includes('delivered')),
    ran.out,
  );
  for (const to of [grace, linus]) {
    const mail = await received(to);
    assert.ok(mail.raw.endsWith(body), mail.raw);
  }
});

test('a template is stored, shown, used and deleted', async () => {
  const id = pipeline.unique('welcome');
  const to = `${pipeline.unique('bea')}@gmail.com`;
  const html = join(directory, 'welcome.html');
  writeFileSync(html, '<p>Dear {{ name }}</p>');
  const put = () => json(0, 'template', 'put', id, '--subject', 'Hello {{ name }}', '--html', html);
  assert.equal((await put()).version, 1);
  assert.equal((await put()).version, 2);
  assert.match((await millrace('template', 'list')).out, new RegExp(`^${id} +2 +liquid`, 'm'));
  assert.match((await millrace('template', 'show', `${id}@1`)).out, /Dear \{\{ name \}\}/);
  const use = ['send', '--from', from, '--to', to, '--template', id, '--var', 'name=<Bea>', '--wait', '90s'];
  await json(0, ...use);
  const mail = await received(to);
  assert.equal(mail.subject, 'Hello <Bea>');
  assert.match(mail.raw, /Dear &lt;Bea&gt;/);
  const wrong = await json(5, 'template', 'put', id, '--subject', '{{ a', '--html', html);
  assert.equal(wrong.error.code, 'invalid-template');
  assert.equal((await millrace('template', 'delete', id)).code, 0);
  assert.equal((await json(4, 'template', 'show', id)).error.code, 'not-found');
});

test('a message that bounces ends with 1 and says why', async () => {
  const ran = await millrace(...hello([`bounce+${pipeline.unique('cli')}@gmail.com`], '--wait', '90s'));
  assert.equal(ran.code, 1, ran.out + ran.err);
  assert.match(ran.out, /bounced after .*550/);
});

test('events are followed until Ctrl-C, and read back with filters', async () => {
  const tag = pipeline.unique('followed');
  const follow = start(['events', '--follow', '--json', '--tag', tag, '--since', '1m']);
  const to = ['gmail.com', 'aol.com'].map((domain) => `${pipeline.unique('eve')}@${domain}`);
  const sent = await json(0, ...hello(to, '--tag', tag));
  assert.deepEqual(
    sent.messages.map((message: { to: string }) => message.to),
    to,
  );
  const lines = () => follow.out().split('\n').filter(Boolean);
  await eventually(
    'both deliveries',
    () => lines().filter((line) => line.includes('"kind":"delivered"')).length === 2,
  );
  follow.child.kill('SIGINT');
  const followed = await follow.ended;
  assert.equal(followed.code, 0, followed.err);
  assert.deepEqual(
    lines()
      .map((line) => JSON.parse(line).kind)
      .sort(),
    ['accepted', 'accepted', 'delivered', 'delivered', 'routed', 'routed'],
  );
  const back = await millrace('events', '--kind', 'delivered', '--to', '@aol.com', '--tag', tag);
  assert.equal(back.code, 0, back.err);
  assert.match(back.out, /^\d\d:\d\d:\d\d\.\d{3} +delivered +realtime +eve-\S+@aol\.com +yahoo · .* 250 /);
  assert.equal(back.out.trim().split('\n').length, 1);
});

test('status shows streams, shards and the lanes of both workers', async () => {
  const found = await json(0, 'status');
  assert.deepEqual(
    found.streams.map(({ stream }: { stream: string }) => stream),
    ['realtime', 'batch'],
  );
  const partitionsOf = (index: number): number =>
    found.streams[index].shards.find(({ isp }: { isp: string }) => isp === 'gmail').partitions;
  assert.deepEqual([partitionsOf(0), partitionsOf(1)], [1, 4]);
  assert.deepEqual(found.workers.map(({ stream }: { stream: string }) => stream).sort(), [
    'batch',
    'realtime',
  ]);
  await json(0, ...hello([`${pipeline.unique('lane')}@gmail.com`], '--wait', '90s'));
  await eventually('the lane to gmail', async () => {
    const { lanes } = await json(0, 'status');
    return lanes.some(
      (lane: { lane: string; sent: number; connections: number }) =>
        /^realtime\/gmail\/realtime-\d$/.test(lane.lane) && lane.sent > 0 && lane.connections === 5,
    );
  });
  const shown = await millrace('status');
  assert.match(shown.out, /^WAITING FOR +REALTIME +BATCH$/m);
  assert.match(shown.out, /^Delivery workers: 1 for realtime, 1 for batch$/m);
  assert.match(shown.out, /^LANE +WAITING +CONNECTIONS +RATE +SENT$/m);
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
  const message = hello(['ada@gmail.com']);
  const unknownKey = await json(5, ...message, '--api-key', 'mr_nobody_0123456789abcdef');
  assert.equal(unknownKey.error.code, 'unauthenticated');
  assert.equal((await json(5, ...message, '--pool', 'nowhere')).error.code, 'invalid-request');
  assert.equal(
    (await json(3, ...message, '--url', 'http://127.0.0.1:9')).error.code,
    'ERR_INGEST_UNREACHABLE',
  );
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
    [process.execPath, join(root, 'examples', 'typescript', 'send.ts'), 'typescript'],
    [await pythonWithRequirements(), join(root, 'examples', 'python', 'send.py'), 'python'],
  ] as const;
  const { topic_prefix: prefix } = loadConfig({ file: pipeline.configurationFile, env: {} }).kafka;
  for (const [program, script, name] of producers) {
    const to = `${pipeline.unique(name)}@gmail.com`;
    await promisify(execFile)(program, [script, to], {
      env: {
        ...environment(),
        KAFKA_BROKERS: pipeline.endpoints.kafka,
        SCHEMA_REGISTRY_URL: pipeline.endpoints.registry,
        MILLRACE_TOPIC: `${prefix}${topics.requests}`,
      },
    });
    const mail = await received(to);
    assert.equal(mail.subject, 'Your order 4711');
    assert.equal(mail.auth.dmarc.result, 'pass');
    await eventually('its event', async () =>
      (await millrace('events', '--to', to, '--tag', 'order')).out.includes('delivered'),
    );
  }
});

test('an operator holds a campaign back, sees why, and lets it go', async () => {
  const campaign = pipeline.unique('spring');
  const scope = `campaign:local/${campaign}`;
  const because = ['--reason', 'wrong price', '--author', 'ada'];
  await json(0, 'suspend', scope, '--for', '1h', ...because);
  const listed = await json(0, 'controls', 'list');
  assert.ok(listed.controls.some((one: { scope: string; kind: string }) => one.scope === scope));
  const sent = await json(
    0,
    ...hello([`${pipeline.unique('held')}@gmail.com`], '--stream', 'batch', '--campaign', campaign),
  );
  const [{ message_id: id }] = sent.messages;
  await eventually('the suspension as the reason', async () => {
    const { stage } = await json(0, 'why', id);
    assert.notEqual(stage.kind, 'ended', 'it was held back');
    return stage.kind === 'suspended' && stage.author === 'ada' && stage.reason === 'wrong price';
  });
  await json(0, 'resume', scope);
  assert.equal((await json(0, 'trace', id, '--wait')).outcome, 'delivered');
  assert.equal((await json(0, 'why', id)).stage.kind, 'ended');
});

test('a campaign that is dropped ends as cancelled, with the reason', async () => {
  const campaign = pipeline.unique('called-off');
  const scope = `campaign:local/${campaign}`;
  await json(0, 'drop', scope, '--reason', 'called off');
  const sent = await json(
    0,
    ...hello([`${pipeline.unique('dropped')}@gmail.com`], '--stream', 'batch', '--campaign', campaign),
  );
  const life = await json(0, 'trace', sent.messages[0].message_id, '--wait');
  assert.equal(life.outcome, 'cancelled');
  assert.match(life.events.at(-1).text, /called off/);
  await json(0, 'controls', 'undo', 'drop', scope);
});

test('limits are explained for the domain, a lane and the queue, on the running pipeline', async () => {
  const explained = await json(0, 'shaping', 'explain', 'gmail.com', '--stream', 'batch');
  assert.equal(explained.isp, 'gmail');
  const { lanes } = await json(0, 'why', '--lane', 'batch/gmail/batch-1');
  assert.equal(lanes[0].connection_limit, 5);
  const { forecasts } = await json(0, 'forecast', 'batch', '--measure', '1ms');
  assert.ok(Array.isArray(forecasts));
});
