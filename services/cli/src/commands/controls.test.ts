/** What an operator's commands ask of ingest, and how its answers are shown. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answering } from '../answering-server.ts';
import { cliRig } from '../rig.ts';

const control = {
  ...{ kind: 'suspension', scope: 'lane:batch/gmail/ip1', reason: 'blocked', author: 'ada' },
  ...{ set_at: '2030-01-31T09:00:00.000Z', until: null },
};

/** Method, path and body of what a command asks. */
const askedBy = async (...argv: readonly string[]) => {
  await using ingest = await answering({ status: 200, body: control });
  using rig = cliRig({ USER: 'grace' });
  writeFileSync(join(rig.directory, 'ours.yaml'), 'isps: { gmail: { connection_limit: 3 } }\n');
  const { code, err } = await rig.run(...argv, ...ingest.flags);
  assert.equal(code, 0, err);
  return ingest.asked.map(({ method, url, body }) => ({
    what: `${method} ${decodeURIComponent(url)}`,
    body: body === '' ? undefined : JSON.parse(body),
  }));
};

const because = ['--reason', 'blocked'];
const said = { reason: 'blocked', author: 'grace' };

test('scopes have short forms: a lane, a provider from every source', async () => {
  const forms: [string, string][] = [
    ['batch/gmail/ip1', 'lane:batch/gmail/ip1'],
    ['realtime/yahoo', 'isp:realtime/yahoo'],
    ['source:ip1', 'source:ip1'],
    ['campaign:acme/spring sale', 'campaign:acme/spring sale'],
  ];
  for (const [given, scope] of forms) {
    const [asked] = await askedBy('suspend', given, ...because);
    assert.deepEqual(asked, { what: `PUT /v1/controls/suspension/${scope}`, body: said });
  }
});

test('each command sets its kind of control', async () => {
  const orders: [string[], string, object][] = [
    [
      ['limit', 'source:ip1', 'max_message_rate=10/min', 'connection_limit=2', 'timeouts.dot=5m'],
      'limits/source:ip1',
      { limits: { max_message_rate: '10/min', connection_limit: 2, timeouts: { dot: '5m' } } },
    ],
    [
      ['limit', 'source:ip1', 'pipelining=false', 'retry_schedule=1m,5m'],
      'limits/source:ip1',
      { limits: { pipelining: false, retry_schedule: ['1m', '5m'] } },
    ],
    [['drop', 'tenant:acme'], 'drop/tenant:acme', {}],
    [['move', 'domain:a.test', '--to-pool', 'spare'], 'move/domain:a.test', { to: { pool: 'spare' } }],
    [['move', 'domain:a.test', '--to-source', 'ip2'], 'move/domain:a.test', { to: { source: 'ip2' } }],
    [
      ['shaping', 'apply', 'ours.yaml'],
      'shaping/shaping',
      { yaml: 'isps: { gmail: { connection_limit: 3 } }\n', name: 'ours.yaml' },
    ],
    [['suspend', 'source:ip1', '--author', 'ada'], 'suspension/source:ip1', { author: 'ada' }],
    [
      ['suspend', 'source:ip1', '--until', '2130-01-31T09:00:00Z'],
      'suspension/source:ip1',
      { until: '2130-01-31T09:00:00.000Z' },
    ],
  ];
  for (const [argv, path, more] of orders) {
    const asked = await askedBy(...argv, ...because);
    assert.deepEqual(asked, [{ what: `PUT /v1/controls/${path}`, body: { ...said, ...more } }]);
  }
});

test('a length of time is counted from now', async () => {
  const before = Date.now();
  const [asked] = await askedBy('suspend', 'source:ip1', '--for', '2h', ...because);
  const until = Date.parse(asked?.body.until);
  assert.ok(until >= before + 7_200_000 && until <= Date.now() + 7_200_000);
});

test('undoing says what it was, and who had set it', async () => {
  const undone = await askedBy('resume', 'batch/gmail/ip1');
  assert.deepEqual(
    undone.map(({ what }) => what),
    ['GET', 'DELETE'].map((method) => `${method} /v1/controls/suspension/lane:batch/gmail/ip1`),
  );
  const [cap] = await askedBy('controls', 'undo', 'cap', 'batch/gmail/ip1');
  assert.equal(cap?.what, 'GET /v1/controls/cap/lane:batch/gmail/ip1');
  await using ingest = await answering({ status: 200, body: control });
  using rig = cliRig();
  const shown = await rig.run('resume', 'batch/gmail/ip1', ...ingest.flags);
  assert.match(shown.out, /^suspension of lane:batch\/gmail\/ip1 is undone \(it was set by ada: blocked\)$/m);
  const none = { type: 'urn:millrace:problem:not-found', title: '', status: 404, detail: 'There is none' };
  await using nothing = await answering({ status: 404, body: none });
  assert.equal((await rig.run('resume', 'batch/gmail/ip1', ...nothing.flags)).code, 4);
});

test('what is in force is a table; what others wrote there cannot write on the terminal', async () => {
  const capped = {
    ...{ ...control, kind: 'cap', author: 'automation:ts03', reason: 'said \u001b[31m TS03' },
    ...{ until: '2030-01-31T09:00:00.000Z', limits: { max_message_rate: '10/min' } },
  };
  await using ingest = await answering({ status: 200, body: { controls: [control, capped] } });
  using rig = cliRig();
  const { out } = await rig.run('controls', 'list', ...ingest.flags);
  assert.match(out, /^suspension +lane:batch\/gmail\/ip1 +until undone +ada +blocked$/m);
  assert.match(out, /^cap +lane:.* +max_message_rate=10\/min +2030-01-31 .*automation:ts03 +said \\x1b/m);
  assert.ok(!out.includes('\u001b'));
  await using empty = await answering({ status: 200, body: { controls: [] } });
  assert.match((await rig.run('controls', 'list', ...empty.flags)).out, /Nothing is in force/);
});

test('a wrong order ends with 2 before anybody is asked', async () => {
  using rig = cliRig();
  writeFileSync(join(rig.directory, 'wrong.yaml'), 'isps: { gmial: {} }\n');
  const wrong: [string[], RegExp][] = [
    [['suspend', 'source:ip1'], /required option '--reason/],
    [['suspend', 'gmail', ...because], /"gmail" is no scope/],
    [['suspend', 'source:ip1', '--for', 'soon', ...because], /--for "soon"/],
    [['suspend', 'source:ip1', '--for', '1h', '--until', '2130-01-01', ...because], /twice/],
    [['suspend', 'source:ip1', '--until', '2001-01-01', ...because], /still to come/],
    [['limit', 'source:ip1', 'fast', ...because], /LIMIT=VALUE/],
    [['move', 'source:ip1', ...because], /either --to-pool or --to-source/],
    [['shaping', 'apply', 'wrong.yaml', ...because], /wrong\.yaml:1: isps\.gmial.*"gmail"/],
  ];
  for (const [argv, message] of wrong) {
    const ran = await rig.run(...argv, '--url', 'http://127.0.0.1:1', '--api-key', 'mr_a_0123456789abcdef');
    assert.equal(ran.code, 2, `${argv.join(' ')}: ${ran.err}`);
    assert.match(ran.err, message);
  }
});
