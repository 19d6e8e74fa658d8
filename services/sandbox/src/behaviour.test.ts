import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { RawClient } from '../test/raw-client.ts';
import { type BehaviourInput, parseBehaviour, readBehaviours, type Sandbox, startSandbox } from './index.ts';

const isp = 'tail-03';
const to = 'anna@tail-03.test';

describe('Scripted behaviour', () => {
  let sandbox: Sandbox;
  const clients: RawClient[] = [];
  const connect = async (name = isp, index = 0, from = '127.0.0.1') => {
    const client = await RawClient.connect(sandbox.smtpPort, sandbox.addresses[name]?.[index] ?? '', from);
    clients.push(client);
    return client;
  };
  const greeted = async (name = isp, from = '127.0.0.1') => {
    const client = await connect(name, 0, from);
    await client.hello();
    return client;
  };
  const behave = (behaviour: BehaviourInput) => sandbox.behave(isp, behaviour);

  before(async () => {
    sandbox = await startSandbox({ verify: 'all', seed: 7 });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end();
    sandbox.clear();
    await sandbox.resetBehaviour();
  });
  after(() => sandbox.stop());

  it('connection_limit: one more from the same IP gets 421 and is closed, other IPs come in', async () => {
    await behave({ connection_limit: 1 });
    const first = await greeted();
    const second = await connect();
    assert.match(await second.reply(), /^421 4\.7\.0 .*too many connections from 127\.0\.0\.1/);
    await second.closed();
    assert.match(await (await connect(isp, 0, '127.0.0.9')).reply(), /^220 /);
    assert.match(await first.mail(to), /^250 /);
    const { connections } = sandbox.stats().isps[isp] ?? {};
    assert.equal(connections?.max_open, 2);
    assert.equal(connections?.refused, 1);
  });

  it('connections_per_minute: what is above it gets 421', async () => {
    await behave({ connections_per_minute: 1 });
    const first = await greeted();
    const second = await connect();
    const replies = [await second.reply()];
    // A minute may just have begun in between.
    if (replies[0]?.startsWith('220')) replies.push(await (await connect()).reply());
    assert.match(replies.at(-1) ?? '', /^421 /);
    first.end();
  });

  it('mails_per_connection: then 421 and the connection is closed', async () => {
    await behave({ mails_per_connection: 2 });
    const client = await greeted();
    assert.match(await client.mail(to), /^250 /);
    assert.match(await client.mail(to), /^250 /);
    assert.match(await client.mail(to), /^421 /);
    await client.closed();
    assert.equal(sandbox.stats().isps[isp]?.mails.max_per_connection, 2);
  });

  it('messages_per_second: above rate and burst it defers', async () => {
    await behave({ messages_per_second: 0.01, messages_burst: 2 });
    const client = await greeted();
    const answers = [await client.mail(to), await client.mail(to), await client.mail(to)];
    assert.deepEqual(
      answers.map((answer) => answer.slice(0, 3)),
      ['250', '250', '450'],
    );
    assert.deepEqual(sandbox.stats().isps[isp]?.mails.deferred, { rate_limited: 1 });
  });

  it('hidden_limit: once exceeded, everything from that IP is deferred for a while', async () => {
    await behave({ hidden_limit: { messages_per_minute: 1, penalty_seconds: 600 } });
    const client = await greeted();
    const answers = [
      await client.mail(to),
      await client.mail(to),
      await client.mail(to),
      await client.mail(to),
    ];
    assert.deepEqual(new Set(answers.slice(2).map((answer) => answer.slice(0, 3))), new Set(['451']));
    assert.match(await (await greeted(isp, '127.0.0.9')).mail(to), /^250 /);
  });

  it('greylist_seconds: the first try is deferred, each triplet by itself', async () => {
    await behave({ greylist_seconds: 3_600 });
    const client = await greeted();
    assert.match(await client.mail(to), /^450 4\.2\.0 .*Greylisted/);
    assert.match(await client.mail(to), /^450 /);
    await behave({ greylist_seconds: 0 });
    assert.match(await client.mail(to), /^250 /);
  });

  it('latency: greeting, replies and the answer to the dot come later', async () => {
    await behave({ latency: { connect_ms: 40, command_ms: 10, after_dot_ms: 60 } });
    const started = performance.now();
    const client = await greeted();
    assert.match(await client.mail(to), /^250 /);
    assert.ok(performance.now() - started >= 40 + 4 * 10 + 60 - 5);
  });

  it('tarpit_ms: replies drip byte by byte, and the mail still goes through', async () => {
    await behave({ tarpit_ms: 1 });
    assert.match(await (await greeted()).mail(to), /^250 /);
  });

  it('transient_share and permanent_share: refused in the words of the ISP', async () => {
    await behave({ transient_share: 1 });
    const client = await greeted();
    assert.match(await client.mail(to), /^4\d\d 4\./);
    await behave({ transient_share: 0, permanent_share: 1 });
    assert.match(await client.mail(to), /^5\d\d 5\./);
  });

  it('transient_share: a part is a part', async () => {
    await behave({ transient_share: 0.3 });
    const client = await greeted();
    for (let mail = 0; mail < 100; mail++) await client.mail(to);
    const { accepted, deferred } = sandbox.stats().isps[isp]?.mails ?? {};
    assert.equal((accepted ?? 0) + (deferred?.random ?? 0), 100);
    assert.ok((deferred?.random ?? 0) > 10 && (deferred?.random ?? 0) < 60);
  });

  it('drop_mid_data_share: nothing is accepted', async () => {
    await behave({ drop_mid_data_share: 1 });
    await assert.rejects((await greeted()).mail(to), /closed/);
    assert.deepEqual(sandbox.stats().isps[isp]?.mails.dropped, { mid_data: 1 });
    assert.equal(sandbox.stats().accepted, 0);
  });

  it('drop_before_reply_share: the mail is there, the reply is not', async () => {
    await behave({ drop_before_reply_share: 1 });
    await assert.rejects((await greeted()).mail(to), /closed/);
    assert.equal((await sandbox.messages({ to })).length, 1);
  });

  it('tls required: no mail before STARTTLS', async () => {
    await behave({ tls: 'required' });
    const client = await greeted();
    assert.match(await client.mail(to), /^530 5\.7\.0/);
    await client.startTls(sandbox.ca, 'mx.tail-03.test');
    await client.say('EHLO client.test');
    assert.match(await client.mail(to), /^250 /);
  });

  it('tls none: STARTTLS is neither offered nor known', async () => {
    await behave({ tls: 'none' });
    const client = await connect();
    assert.doesNotMatch(await client.hello(), /STARTTLS/);
    assert.match(await client.say('STARTTLS'), /^502 /);
  });

  it('tls broken: the handshake fails', async () => {
    await behave({ tls: 'broken' });
    await assert.rejects((await greeted()).startTls(sandbox.ca, 'mx.tail-03.test'));
  });

  for (const [certificate, code] of [
    ['self_signed', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['wrong_name', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['expired', 'CERT_HAS_EXPIRED'],
  ] as const) {
    it(`certificate ${certificate}: a verifying client says ${code}`, async () => {
      await behave({ certificate });
      await assert.rejects((await greeted()).startTls(sandbox.ca, 'mx.tail-03.test'), { code });
    });
  }

  it('unavailable refuse: nothing listens, and open connections are gone', async () => {
    const before = await greeted();
    await behave({ unavailable: 'refuse' });
    await before.closed();
    await assert.rejects(connect(), { code: 'ECONNREFUSED' });
    await behave({ unavailable: 'no' });
    assert.match(await (await greeted()).mail(to), /^250 /);
  });

  it('unavailable_hosts: only these, so that fail-over can be seen', async () => {
    await sandbox.behave('gmail', {
      unavailable: 'refuse',
      unavailable_hosts: ['gmail-smtp-in.l.google.com'],
    });
    await assert.rejects(connect('gmail', 0), { code: 'ECONNREFUSED' });
    assert.match(await (await connect('gmail', 1)).reply(), /^220 /);
  });

  it('unavailable busy and closed: greets with 421 or 554', async () => {
    await behave({ unavailable: 'busy' });
    assert.match(await (await connect()).reply(), /^421 /);
    await behave({ unavailable: 'closed' });
    assert.match(await (await connect()).reply(), /^554 /);
  });

  it('size_limit: refused by SIZE at once, and by what really came', async () => {
    await behave({ size_limit: 1_000 });
    const client = await greeted();
    assert.match(await client.say('MAIL FROM:<a@sender.test> SIZE=1001'), /^552 5\.3\.4/);
    assert.match(await client.mail(to, 'x'.repeat(1_001)), /^552 5\.3\.4/);
  });

  it('recipients_limit: what is above it gets 452', async () => {
    await behave({ recipients_limit: 1 });
    const client = await greeted();
    await client.say('MAIL FROM:<a@sender.test>');
    assert.match(await client.say(`RCPT TO:<${to}>`), /^250 /);
    assert.match(await client.say(`RCPT TO:<${to}>`), /^452 4\.5\.3/);
  });

  it('pipelining, eight_bit_mime, smtputf8: not offered when off, and their parameters refused', async () => {
    await behave({ pipelining: false, eight_bit_mime: false, smtputf8: false });
    const client = await connect();
    const offered = await client.hello();
    assert.doesNotMatch(offered, /PIPELINING|8BITMIME|SMTPUTF8/);
    assert.match(await client.say('MAIL FROM:<a@sender.test> SMTPUTF8'), /^555 /);
    assert.match(await client.say('MAIL FROM:<a@sender.test> BODY=8BITMIME'), /^555 /);
  });

  it('authentication required: mail that passes neither SPF nor DKIM is rejected after the dot', async () => {
    await behave({ authentication: 'required' });
    const client = await greeted();
    const mail = 'From: me@spf.test\r\nSubject: x\r\n\r\nhello';
    assert.match(await client.mail(to, mail, 'me@spf.test'), /^550 5\.7\.26/);
    sandbox.publish({ name: 'spf.test', type: 'TXT', value: 'v=spf1 ip4:127.0.0.0/8 -all' });
    assert.match(await client.mail(to, mail, 'me@spf.test'), /^250 /);
  });

  it('a group changes all of the long tail, a member itself', async () => {
    await sandbox.behave('tail', { pipelining: false });
    await sandbox.behave('tail-04', { pipelining: true });
    assert.doesNotMatch(await (await connect('tail-05')).hello(), /PIPELINING/);
    assert.match(await (await connect('tail-04')).hello(), /PIPELINING/);
  });

  it('each provider refuses in its own words', async () => {
    const words: Record<string, RegExp> = {
      yahoo: /^421 4\.7\.0 \[TS03\]/,
      outlook: /^451 4\.7\.650 The mail server \[127\.0\.0\.1\] has been temporarily rate limited/,
      office365: /^451 4\.7\.650 /,
      apple: /^421 4\.7\.1 .*\[CS01\]/,
      proofpoint: /^452 4\.3\.2 Too much mail/,
    };
    for (const [name, expected] of Object.entries(words)) {
      await sandbox.behave(name, { messages_per_second: 0.01 });
      const client = await greeted(name);
      await client.mail('a@there.test');
      assert.match(await client.mail('a@there.test'), expected, name);
    }
    await sandbox.behave('gmail', { tls: 'offered', messages_per_second: 0.01 });
    const client = await greeted('gmail');
    await client.mail('a@gmail.com');
    assert.match(await client.mail('a@gmail.com'), /^421-4\.7\.28 Gmail has detected an unusual rate/);
  });
});

it('complaint_share: what comes back later follows a change at once', async () => {
  const sandbox = await startSandbox({ verify: 'off', keep: 'none', answers: { smtp: '127.0.0.1:9' } });
  const client = await RawClient.connect(sandbox.smtpPort, sandbox.addresses[isp]?.[0] ?? '');
  await client.hello();
  await client.mail(to);
  await sandbox.behave(isp, { complaint_share: 1 });
  await client.mail(to);
  await sandbox.resetBehaviour();
  await client.mail(to);
  assert.deepEqual(
    sandbox.answers().map((answer) => answer.kind),
    ['complaint'],
  );
  client.end();
  await sandbox.stop();
});

describe('Behaviour that is given', () => {
  it('names unknown keys and suggests the nearest', () => {
    assert.throws(() => parseBehaviour({ conection_limit: 1, latency: { conect_ms: 1 } }), {
      code: 'behaviour_invalid',
      problems: [
        'conection_limit: unknown key, did you mean connection_limit?',
        'latency.conect_ms: unknown key, did you mean connect_ms?',
      ],
    });
  });

  it('names wrong values with their path', () => {
    assert.throws(
      () => parseBehaviour({ transient_share: 2 }, 'gmail'),
      /gmail\.transient_share: must be <= 1/,
    );
    assert.throws(() => parseBehaviour('fast'), /must be a mapping/);
  });

  it('comes from a YAML file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sandbox-'));
    const file = join(directory, 'behaviour.yaml');
    await writeFile(file, 'gmail:\n  transient_share: 0.05\ntail:\n  latency:\n    after_dot_ms: 20\n');
    assert.deepEqual(await readBehaviours(file), {
      gmail: { transient_share: 0.05 },
      tail: { latency: { after_dot_ms: 20 } },
    });
    await writeFile(file, 'gmial: {}\nyahoo:\n  tsl: none\n');
    await assert.rejects(
      readBehaviours(file),
      /gmial: no such ISP, did you mean gmail\?.*yahoo\.tsl: unknown key/s,
    );
    await rm(directory, { recursive: true });
  });
});
