/** The shaping file on the command line: checked and explained from files, and as it is in force on a real Kafka. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import { type TestInstallation, testInstallation } from '@millrace/kafka/testing';
import { type Sandbox, startSandbox } from '@millrace/sandbox';
import type { ControlState } from '@millrace/schemas';
import { shippedShapingFile } from '@millrace/shaping';
import { neededTopics } from '../doctor/kafka-check.ts';
import { cliRig, type Rig } from '../rig.ts';

let installation: TestInstallation & { readonly kafka: Kafka };
let sandbox: Sandbox;
let rig: Rig;
before(async () => {
  [installation, sandbox] = await Promise.all([
    testInstallation(neededTopics),
    startSandbox({ smtpPort: 0, dnsPort: 0, http: { port: 0 } }),
  ]);
  rig = cliRig({
    KAFKA_BROKERS: installation.options.brokers.join(','),
    SCHEMA_REGISTRY_URL: installation.options.registry.url,
    MILLRACE_TOPIC_PREFIX: installation.options.topicPrefix ?? '',
  });
  writeFileSync(
    join(rig.directory, 'millrace.yaml'),
    `router: { dns_servers: ["${sandbox.dnsServer}"] }
sources: { ip1: { address: 127.0.0.1 } }
pools: { batch: { stream: batch, sources: [{ source: ip1 }] } }
`,
  );
});
after(async () => {
  rig?.[Symbol.dispose]();
  await sandbox?.stop();
  await installation?.[Symbol.asyncDispose]();
});

const set = async (key: string, state: Partial<ControlState> & Pick<ControlState, 'kind' | 'scope'>) => {
  const producer = await installation.kafka.producer();
  const value = { until: null, reason: 'asked', author: 'ada', set_at: Date.now(), value: null, ...state };
  await producer.send('ControlState', topics.control, { key, value });
};

interface Explained {
  readonly isp: string;
  readonly site: string;
  readonly file: string;
  readonly lanes: readonly {
    readonly lane: string;
    readonly suspended: { readonly by: string; readonly until: number | null } | null;
    readonly limits: readonly { readonly key: string; readonly value: string; readonly origin: string }[];
  }[];
}
const explain = async (...argv: readonly string[]): Promise<Explained> => {
  const { code, out, err } = await rig.run('--json', 'shaping', 'explain', ...argv);
  assert.equal(code, 0, err);
  return JSON.parse(out);
};
const limit = ({ lanes }: Explained, key: string) => lanes[0]?.limits.find((one) => one.key === key);

test('a wrong file ends with 2 and names line, key and the nearest right word of each mistake', async () => {
  const file = join(rig.directory, 'wrong.yaml');
  writeFileSync(file, 'default:\n  conection_limit: 5\nisps:\n  gmail:\n    tls: requird\n');
  const { code, err } = await rig.run('shaping', 'check', 'wrong.yaml');
  assert.equal(code, 2);
  assert.match(err, /2 mistakes in .*wrong\.yaml/);
  assert.match(err, /wrong\.yaml:2: default\.conection_limit: .*"connection_limit"/);
  assert.match(err, /wrong\.yaml:5: isps\.gmail\.tls: .*"required"/);
  const { error } = JSON.parse((await rig.run('--json', 'shaping', 'check', 'wrong.yaml')).err);
  assert.equal(error.code, 'ERR_CONFIG');
  assert.equal(error.details.length, 2);
  assert.equal((await rig.run('shaping', 'check', 'none.yaml')).code, 2);
  assert.equal((await rig.run('shaping', 'check', shippedShapingFile)).code, 0);
});

test('a file is explained as it stands, and nothing has to run for that', async () => {
  using offline = cliRig({ KAFKA_BROKERS: '127.0.0.1:1' });
  const { code, out, err } = await offline.run('shaping', 'explain', 'gmail', '--file', shippedShapingFile);
  assert.equal(code, 0, err);
  assert.match(out, /^connection_limit +5 +line \d+: isps\.gmail$/m);
  assert.match(out, /^gmail\/\* +realtime and batch$/m);
  const wrong = await offline.run('shaping', 'explain', 'gmial', '--file', shippedShapingFile);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /Did you mean "gmail"\?/);
  const nowhere = await offline.run(
    'shaping',
    'explain',
    'gmail',
    '--file',
    shippedShapingFile,
    '--source',
    'x',
  );
  assert.match(nowhere.err, /There is no source "x"/);
});

test('a domain is found by its MX: hosted domains share their provider’s limits', async () => {
  const gmail = await explain('gmail.com', '--stream', 'batch', '--source', 'ip1');
  assert.equal(gmail.isp, 'gmail');
  assert.equal(gmail.lanes[0]?.lane, 'batch/gmail/ip1');
  const missing = await rig.run('shaping', 'explain', 'no-such-domain.millrace.invalid');
  assert.equal(missing.code, 4, missing.err);
});

test('what is in force is the file that was applied, below the controls of the lane', async () => {
  assert.equal((await explain('gmail')).file, shippedShapingFile);
  const yaml = 'isps:\n  gmail:\n    connection_limit: 3\n    max_message_rate: 10/s\n';
  await set('shaping|shaping', {
    ...{ kind: 'shaping', scope: 'shaping', value: JSON.stringify({ yaml, name: 'ours.yaml' }) },
  });
  const applied = await explain('gmail', '--stream', 'batch', '--source', 'ip1');
  assert.equal(applied.file, 'ours.yaml');
  assert.deepEqual(limit(applied, 'connection_limit'), {
    ...{ key: 'connection_limit', value: '3', origin: 'isps.gmail', line: 3, control: null },
  });
  const until = Date.now() + 3_600_000;
  await set('limits|isp:batch/gmail', {
    ...{ kind: 'limits', scope: 'isp:batch/gmail', value: JSON.stringify({ messagesPerSecond: 0.5 }) },
  });
  await set('suspension|source:ip1', { kind: 'suspension', scope: 'source:ip1', until });
  const controlled = await explain('gmail', '--stream', 'batch', '--source', 'ip1');
  assert.equal(limit(controlled, 'max_message_rate')?.value, '30/min');
  assert.equal(limit(controlled, 'max_message_rate')?.origin, 'limits|isp:batch/gmail');
  assert.deepEqual(controlled.lanes[0]?.suspended, { by: 'ada', reason: 'asked', until });
  const shown = (await rig.run('shaping', 'explain', 'gmail', '--source', 'ip1')).out;
  assert.match(shown, /^batch\/gmail\/ip1/m);
  assert.match(shown, /^realtime\/gmail\/ip1/m);
  assert.match(shown, /suspended until \d{4}-.* by ada: asked/);
  assert.match(shown, /^max_message_rate +30\/min +limits\|isp:batch\/gmail by ada: asked$/m);
  const text = await rig.run('shaping', 'show');
  assert.match(text.out, /^# ours\.yaml, applied .* by ada: asked$/m);
  assert.ok(text.out.includes(yaml));
});
