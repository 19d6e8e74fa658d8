import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import nodemailer from 'nodemailer';
import { RawClient } from '../test/raw-client.ts';
import { type Sandbox, startSandbox } from './index.ts';

describe('SMTP of the sandbox', () => {
  let sandbox: Sandbox;
  const clients: RawClient[] = [];
  const open = async (isp = 'tail-01', index = 0) => {
    const client = await RawClient.connect(sandbox.smtpPort, sandbox.addresses[isp]?.[index] ?? '');
    clients.push(client);
    return client;
  };
  before(async () => {
    sandbox = await startSandbox({ verify: 'off' });
  });
  after(async () => {
    for (const client of clients) client.end();
    await sandbox.stop();
  });

  it('offers PIPELINING, 8BITMIME, SIZE, SMTPUTF8, STARTTLS and ENHANCEDSTATUSCODES, and not CHUNKING', async () => {
    const offered = await (await open()).hello();
    for (const name of ['PIPELINING', '8BITMIME', 'SIZE ', 'SMTPUTF8', 'STARTTLS', 'ENHANCEDSTATUSCODES']) {
      assert.ok(offered.includes(name), name);
    }
    assert.ok(!offered.includes('CHUNKING'));
  });

  it('takes a mail byte for byte, whatever its dots and the pieces it comes in', async () => {
    const source = Buffer.from('Subject: x\r\n\r\n.one\r\n..two\r\n.\u00e9\r\nend . \r\n.', 'latin1');
    const wire = Buffer.from(`${source.toString('latin1').replace(/^\./gm, '..')}\r\n.\r\n`, 'latin1');
    for (const size of [1, 2, 3, 5, 1_000]) {
      const to = `pieces-${size}@tail-01.test`;
      const client = await open();
      await client.hello();
      await client.say('MAIL FROM:<me@sender.test>');
      await client.say(`RCPT TO:<${to}>`);
      await client.say('DATA');
      for (let at = 0; at < wire.length; at += size) {
        client.send(wire.subarray(at, at + size));
        await new Promise(setImmediate);
      }
      assert.match(await client.reply(), /^250 /);
      const [mail] = await sandbox.messages({ to });
      assert.deepEqual(sandbox.source(mail?.id ?? ''), Buffer.concat([source, Buffer.from('\r\n')]));
    }
  });

  it('answers a pipelined group in order, the next transaction behind the dot included', async () => {
    const client = await open();
    await client.hello();
    const start = 'MAIL FROM:<a@sender.test>\r\nRCPT TO:<pipe@tail-01.test>\r\nDATA\r\n';
    client.send(start);
    const first = [await client.reply(), await client.reply(), await client.reply()];
    client.send(`Subject: 1\r\n\r\none\r\n.\r\n${start}`);
    const second = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
    client.send('Subject: 2\r\n\r\ntwo\r\n.\r\nQUIT\r\n');
    const third = [await client.reply(), await client.reply()];
    const codes = [...first, ...second, ...third].map((reply) => reply.slice(0, 3));
    assert.deepEqual(codes, ['250', '250', '354', '250', '250', '250', '354', '250', '221']);
    const subjects = (await sandbox.messages({ to: 'pipe@tail-01.test' })).map((mail) => mail.subject);
    assert.deepEqual(subjects, ['2', '1']);
  });

  it('takes an empty mail', async () => {
    const client = await open();
    await client.hello();
    await client.say('MAIL FROM:<>');
    await client.say('RCPT TO:<empty@tail-01.test>');
    await client.say('DATA');
    assert.match(await client.say('.'), /^250 /);
    const [mail] = await sandbox.messages({ to: 'empty@tail-01.test' });
    assert.equal(mail?.size, 0);
    assert.equal(mail?.raw, '');
  });

  it('keeps to the order of commands', async () => {
    const client = await open();
    await client.reply();
    assert.match(await client.say('MAIL FROM:<a@sender.test>'), /^503 /);
    await client.say('EHLO client.test');
    assert.match(await client.say('RCPT TO:<b@tail-01.test>'), /^503 /);
    assert.match(await client.say('DATA'), /^503 /);
    assert.match(await client.say('MAIL FROM: nobody'), /^501 /);
    assert.match(await client.say('MAIL FROM:<a@sender.test>'), /^250 /);
    assert.match(await client.say('DATA'), /^554 /);
    assert.match(await client.say('RCPT TO:<nodomain>'), /^501 /);
    assert.match(await client.say('BDAT 10'), /^502 /);
    assert.match(await client.say('RSET'), /^250 /);
    assert.match(await client.say('QUIT'), /^221 /);
    await client.closed();
  });

  it('needs SMTPUTF8 for internationalised addresses (RFC 6531)', async () => {
    const client = await open();
    await client.hello();
    assert.match(await client.say('MAIL FROM:<jörg@sender.test>'), /^553 5\.6\.7/);
    assert.match(await client.say('MAIL FROM:<jörg@sender.test> SMTPUTF8 BODY=8BITMIME'), /^250 /);
    assert.match(await client.say('RCPT TO:<ünal@bücher.test>'), /^250 /);
    await client.say('DATA');
    await client.say('Subject: Grüße\r\n\r\nhallo\r\n.');
    const [mail] = await sandbox.messages({ to: 'ünal@bücher.test' });
    assert.equal(mail?.envelope.mail_from, 'jörg@sender.test');
    assert.equal(mail?.subject, 'Grüße');
    assert.deepEqual(mail?.mail_parameters, ['SMTPUTF8', 'BODY=8BITMIME']);
  });

  it('speaks TLS with a certificate for the MX host that its authority signed', async () => {
    const client = await open('gmail');
    await client.hello();
    await client.startTls(sandbox.ca, 'gmail-smtp-in.l.google.com');
    const offered = await client.say('EHLO client.test');
    assert.ok(!offered.includes('STARTTLS'));
    assert.match(await client.mail('secure@gmail.com'), /^250 /);
    const [mail] = await sandbox.messages({ to: 'secure@gmail.com' });
    assert.equal(mail?.tls?.protocol, 'TLSv1.3');
    assert.equal(mail?.tls?.server_name, 'gmail-smtp-in.l.google.com');
  });

  it('does not obey commands that were put behind STARTTLS in the clear (RFC 3207)', async () => {
    const client = await open();
    await client.hello();
    client.send('STARTTLS\r\nNOOP\r\nNOOP\r\n');
    assert.match(await client.reply(), /^220 /);
    client.end();
    assert.equal(sandbox.stats().isps['tail-01']?.connections.tls, 0);
  });

  it('works with a mail library over IPv4, TLS verified', async () => {
    const transport = nodemailer.createTransport({
      host: sandbox.addresses.comcast?.[1] ?? '',
      port: sandbox.smtpPort,
      requireTLS: true,
      tls: { ca: sandbox.ca, servername: 'mx2a1.comcast.net' },
    });
    await transport.sendMail({ from: 'a@sender.test', to: 'library@comcast.net', subject: 'Ünï', text: 'x' });
    transport.close();
    const [mail] = await sandbox.messages({ to: 'library@comcast.net' });
    assert.equal(mail?.subject, 'Ünï');
    assert.equal(mail?.mx_host, 'mx2a1.comcast.net');
  });

  const magic: Record<string, RegExp> = {
    'bounce@': /^550[ -]5\.1\.1/,
    'unknown+7@': /^550[ -]5\.1\.1/,
    'disabled@': /^550[ -]5\.2\.1/,
    'full@': /^452[ -]4\.2\.2/,
    'defer@': /^451[ -]4\.3\.0/,
    'greylist@': /^450[ -]4\.2\.0/,
    'blocked@': /^554[ -]5\.7\.1/,
    'spam@': /^550[ -]5\.7\.1/,
    'slow-20@': /^250 /,
    'bouncer@': /^250 /,
  };
  for (const [local, answer] of Object.entries(magic)) {
    it(`answers ${local} with ${answer.source}`, async () => {
      const client = await open();
      await client.hello();
      assert.match(await client.mail(`${local}tail-01.test`), answer);
    });
  }

  it('defers defer-2@ twice and then takes it', async () => {
    const client = await open();
    await client.hello();
    assert.match(await client.mail('defer-2+a@tail-01.test'), /^451 /);
    assert.match(await client.mail('defer-2+a@tail-01.test'), /^451 /);
    assert.match(await client.mail('defer-2+a@tail-01.test'), /^250 /);
  });

  it('takes the mail of drop@ and closes without a reply', async () => {
    const client = await open();
    await client.hello();
    await assert.rejects(client.mail('drop@tail-01.test'), /closed/);
    assert.equal((await sandbox.messages({ to: 'drop@tail-01.test' })).length, 1);
  });

  it('closes in the middle of the mail of cut@', async () => {
    const client = await open();
    await client.hello();
    await assert.rejects(client.mail('cut@tail-01.test'), /closed/);
    assert.equal((await sandbox.messages({ to: 'cut@tail-01.test' })).length, 0);
  });
});
