/** The command line as such, and what ingest's answers become. No server but one that answers as it is told. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { type Answer, answering } from './answering-server.ts';
import { endings, exitCodeOf } from './exit-codes.ts';
import { cliRig } from './rig.ts';

const hello = ['send', '--from', 'a@acme.example', '--to', 'b@gmail.com', '--subject', 'Hi', '--text', 'x'];

const problem = (kind: string, status: number, more: object = {}, headers = {}): Answer => ({
  status,
  headers,
  body: { type: `urn:millrace:problem:${kind}`, title: kind, status, detail: 'This is why', ...more },
});

test('help lists every command and every exit code, and so does docs/cli.md', async () => {
  using rig = cliRig();
  const { code, out } = await rig.run('--help');
  assert.equal(code, 0);
  const page = readFileSync(resolve(import.meta.dirname, '../../../docs/cli.md'), 'utf8');
  for (const command of [
    'send',
    'template',
    'status',
    'events',
    'trace',
    'shaping',
    'suspend',
    'resume',
    'limit',
    'drop',
    'move',
    'controls',
    'sandbox',
    'doctor',
  ]) {
    assert.match(out, new RegExp(`^  ${command} `, 'm'));
    assert.ok(page.includes(`\`millrace ${command}`), command);
    const ofCommand = await rig.run(command, '--help');
    assert.equal(ofCommand.code, 0);
    for (const [number, meaning] of Object.values(endings))
      assert.ok(ofCommand.out.includes(`  ${number}  ${meaning}`));
  }
  const rows = page.replaceAll(/ +/g, ' ');
  for (const [number, meaning] of Object.values(endings))
    assert.ok(rows.includes(`| ${number} | ${meaning} |`));
});

test('a wrong command line ends with 2 and says what is wrong with it', async () => {
  using rig = cliRig();
  const wrong: [string[], RegExp][] = [
    [[], /Usage: millrace/],
    [['sned'], /unknown command 'sned'[\s\S]*Did you mean send\?/],
    [['status', '--jsn'], /unknown option '--jsn'[\s\S]*Did you mean --json\?/],
    [['trace'], /missing required argument/],
    [['trace', '4711'], /"4711" is not a message id/],
    [
      ['trace', '01936b2e-7f3a-7cc1-9b1e-0f6a5d2c4e71', '--timeout', 'soon'],
      /--timeout "soon" is not a length of time/,
    ],
    [['events', '--limit', '0'], /--limit "0" is not a whole number from 1/],
    [['events', '--since', 'yesterday', '--json'], /"code":"ERR_USAGE"/],
    [['send', '--stream', 'fast'], /Allowed choices are realtime, batch/],
    [['send', '--eml', 'none.eml'], /none\.eml cannot be read: there is no such file/],
    [['template', 'put', 'a'], /no subject/],
    [['template', 'show', 'a/b'], /not a template id/],
    [['sandbox', '--smtp-port', 'x'], /--smtp-port "x"/],
    [hello, /No API key is given/],
    [['status', '--config', 'none.yaml'], /There is no configuration file/],
  ];
  for (const [argv, message] of wrong) {
    const ran = await rig.run(...argv);
    assert.equal(ran.code, 2, `${argv.join(' ')}: ${ran.err}`);
    assert.match(ran.out + ran.err, message);
  }
});

test('what is accepted is shown with the id of each message', async () => {
  const body = { request_id: 'r-1', messages: [{ message_id: 'm-1', to: 'b@gmail.com' }] };
  await using ingest = await answering({ status: 202, body });
  using rig = cliRig();
  const shown = await rig.run(...hello, ...ingest.flags, '--idempotency-key', 'k');
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^m-1 +b@gmail\.com$/m);
  const json = await rig.run('--json', ...hello, ...ingest.flags);
  assert.deepEqual(JSON.parse(json.out), body);
  assert.deepEqual(
    ingest.asked.map(({ method, url, key }) => `${method} ${url} ${key}`),
    Array(2).fill('POST /v1/messages Bearer mr_test_0123456789abcdef'),
  );
  assert.deepEqual(JSON.parse(ingest.asked[0]?.body ?? ''), {
    ...{ from: 'a@acme.example', to: ['b@gmail.com'], subject: 'Hi', text: 'x' },
  });
});

test('a message from standard input', async () => {
  await using ingest = await answering({ status: 202, body: { request_id: 'r', messages: [] } });
  const eml = 'From: a@acme.example\nTo: b@gmail.com\n\nHello\n';
  using rig = cliRig({}, eml);
  assert.equal((await rig.run('send', '--eml', '-', ...ingest.flags)).code, 0);
  assert.deepEqual(JSON.parse(ingest.asked[0]?.body ?? ''), {
    to: ['b@gmail.com'],
    raw_base64: Buffer.from(eml).toString('base64'),
  });
});

test('every refusal has its exit code, its sentence and what to do', async () => {
  const errors = [
    { field: 'from', message: 'has no "@"' },
    { field: 'to[0]', message: 'has no "@"' },
  ];
  const refusals: [Answer, number, RegExp][] = [
    [problem('unauthenticated', 401), 5, /This is why\.[\s\S]*MILLRACE_API_KEY/],
    [problem('insufficient-scope', 403), 5, /from_domains/],
    [problem('invalid-request', 422, { errors }), 5, / {2}from: has no "@"\n {2}to\[0\]: has no "@"/],
    [problem('rate-limited', 429, {}, { 'retry-after': '7' }), 5, /Try again in 7 s\./],
    [problem('unavailable', 503, {}, { 'retry-after': '2' }), 3, /Try again in 2 s\./],
    [problem('internal', 500), 1, /This is why/],
    [{ status: 404, body: '<html>nginx</html>' }, 1, /answers 404, and not as ingest does/],
    [{ status: 202, body: '{}' }, 1, /answers not as ingest does/],
  ];
  using rig = cliRig();
  for (const [answer, code, message] of refusals) {
    await using ingest = await answering(answer);
    const ran = await rig.run(...hello, ...ingest.flags);
    assert.equal(ran.code, code, ran.err);
    assert.match(ran.err, message);
    assert.equal(ran.out, '');
    const { error } = JSON.parse((await rig.run('--json', ...hello, ...ingest.flags)).err);
    assert.ok(error.code && error.message);
  }
  await using missing = await answering(problem('not-found', 404));
  assert.equal((await rig.run('template', 'show', 'a', ...missing.flags)).code, exitCodeOf('not_found'));
});

test('nothing at the address ends with 3', async () => {
  using rig = cliRig();
  const { flags } = await (async () => {
    await using gone = await answering({ status: 202, body: {} });
    return gone;
  })();
  const ran = await rig.run(...hello, ...flags);
  assert.equal(ran.code, 3);
  assert.match(ran.err, /Ingest does not answer at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
});

test('the sandbox runs until Ctrl-C, and says where it is', async () => {
  using rig = cliRig();
  const ports = ['--smtp-port', '0', '--dns-port', '0', '--http-port', '0'];
  const running = rig.start('--json', 'sandbox', ...ports);
  while (running.out() === '') await new Promise((done) => setTimeout(done, 20));
  const { http, dns, smtp_port: smtpPort, isps } = JSON.parse(running.out());
  assert.equal((await fetch(`${http}/about`)).status, 200);
  assert.ok(isps.some(({ name }: { name: string }) => name === 'gmail'));
  const taken = await rig.run(
    'sandbox',
    '--smtp-port',
    String(smtpPort),
    '--dns-port',
    '0',
    '--http-port',
    '0',
  );
  assert.equal(taken.code, 1);
  assert.match(taken.err, /is in use\.\nAnother sandbox runs/);
  running.interrupt();
  assert.equal((await running.ended).code, 0);
  assert.match(dns, /^127\.0\.0\.1:\d+$/);
});
