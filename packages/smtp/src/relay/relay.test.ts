import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Peer, scriptedServer } from '../scripted-server.ts';
import { type TestAuthority, testAuthority } from '../test-certificates.ts';
import { summary, testMail } from '../test-session.ts';
import { createRelay } from './relay.ts';
import type { RelayOptions } from './relay-options.ts';

interface Received {
  readonly mailFrom: string;
  readonly rcptTo: string;
  readonly raw: string;
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly size: string | boolean;
}

const base = {
  host: '127.0.0.1',
  tls: 'disabled',
  maxConnections: 2,
  ehloName: 'client.test',
  loopbackOnly: true,
} as const;

async function smarthost(
  options: SMTPServerOptions,
  received: Received[],
): Promise<{ port: number; stop(): Promise<void> }> {
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    ...options,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const args = mailFrom === false ? {} : { ...mailFrom.args };
        received.push({
          mailFrom: mailFrom === false ? '' : mailFrom.address,
          rcptTo: rcptTo.map(({ address }) => address).join(),
          raw: Buffer.concat(chunks).toString('latin1'),
          secure: session.secure,
          user: session.user,
          size: 'SIZE' in args ? String(args.SIZE) : false,
        });
        done(null, '2.0.0 queued');
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

describe('Relay', () => {
  let authority: TestAuthority;
  const received: Received[] = [];
  const stops: (() => Promise<void>)[] = [];
  let port = 0;
  let connections = 0;
  let most = 0;
  before(async () => {
    authority = await testAuthority();
    const certificate = await authority.certificate(['localhost']);
    let open = 0;
    const server = await smarthost(
      {
        cert: certificate.cert,
        key: certificate.key,
        hideSTARTTLS: false,
        size: 1_000_000,
        onAuth: ({ username, password }, _session, done) =>
          password === 'secret' ? done(null, { user: username }) : done(new Error('Wrong password')),
        onConnect: (_session, done) => {
          connections++;
          most = Math.max(most, ++open);
          done();
        },
        onClose: () => {
          open--;
        },
        onRcptTo: ({ address }, _session, done) => {
          if (!address.startsWith('unknown')) return done();
          done(Object.assign(new Error('5.1.1 No such user'), { responseCode: 550 }));
        },
      },
      received,
    );
    port = server.port;
    stops.push(server.stop);
  });
  after(async () => {
    for (const stop of stops) await stop();
  });
  const relayTo = (options: Partial<RelayOptions> = {}) => createRelay({ ...base, port, ...options });

  it('sends a mail as it is, and gives the answer', async () => {
    const relay = relayTo();
    const data = Buffer.from('Subject: x\r\n\r\n.dot\r\n..\r\nlast\r\n');
    const result = await relay.send({ ...testMail, data });
    assert.ok(result.kind === 'delivered');
    assert.equal(result.reply.code, 250);
    assert.equal(result.reply.enhanced, '2.0.0');
    assert.equal(received.at(-1)?.raw, data.toString());
    assert.equal(received.at(-1)?.mailFrom, testMail.mailFrom);
    assert.equal(received.at(-1)?.size, String(data.length));
    await relay.stop();
  });

  it('encrypts and logs in', async () => {
    const relay = relayTo({
      host: 'localhost',
      tls: 'required',
      ca: authority.ca,
      username: 'me',
      password: 'secret',
    });
    assert.equal(summary(await relay.send(testMail)), 'delivered 250');
    assert.equal(received.at(-1)?.secure, true);
    assert.equal(received.at(-1)?.user, 'me');
    await relay.stop();
  });

  it('sends no password to a certificate that does not verify', async () => {
    const relay = relayTo({ host: 'localhost', tls: 'required', username: 'me', password: 'secret' });
    assert.equal(summary(await relay.send(testMail)), 'failed tls ERR_SMTP_TLS');
    await relay.stop();
  });

  it('tells a wrong password', async () => {
    const relay = relayTo({
      host: 'localhost',
      tls: 'required',
      ca: authority.ca,
      username: 'me',
      password: 'wrong',
    });
    const result = await relay.send(testMail);
    assert.equal(summary(result), 'failed auth ERR_SMTP_AUTH');
    assert.ok(result.kind === 'failed' && result.error.reply?.code === 535);
    await relay.stop();
  });

  it('speaks TLS from the first byte', async () => {
    const certificate = await authority.certificate(['localhost']);
    const server = await smarthost({ secure: true, cert: certificate.cert, key: certificate.key }, received);
    stops.push(server.stop);
    const relay = relayTo({ host: 'localhost', port: server.port, tls: 'implicit', ca: authority.ca });
    assert.equal(summary(await relay.send(testMail)), 'delivered 250');
    assert.equal(received.at(-1)?.secure, true);
    await relay.stop();
  });

  it('gives a refusal and goes on, on the same connection', async () => {
    const relay = relayTo({ maxConnections: 1 });
    const before = connections;
    assert.equal(
      summary(await relay.send({ ...testMail, rcptTo: 'unknown@receiver.test' })),
      'refused rcpt 550',
    );
    assert.equal(summary(await relay.send(testMail)), 'delivered 250');
    assert.equal(connections - before, 1);
    await relay.stop();
  });

  it('keeps to its connections, each used for many mails', async () => {
    const relay = relayTo({ maxConnections: 3 });
    const before = connections;
    most = 0;
    const results = await Promise.all(Array.from({ length: 30 }, () => relay.send(testMail)));
    assert.ok(results.every(({ kind }) => kind === 'delivered'));
    assert.equal(connections - before, 3);
    assert.ok(most <= 3);
    await relay.stop();
  });

  it('refuses here what the relay does not take', async () => {
    const relay = relayTo();
    assert.equal(summary(await relay.send({ ...testMail, sizeBytes: 2_000_000 })), 'refused locally 552');
    await assert.rejects(relay.send({ ...testMail, rcptTo: 'a@b.test\r\nDATA' }), TypeError);
    await relay.stop();
  });

  it('binds to the local address', async () => {
    let from: string | undefined;
    await using server = await scriptedServer(async (peer) => {
      from = peer.socket.remoteAddress;
      await peer.hello();
      await peer.take();
      await peer.gone();
    });
    const relay = relayTo({ port: server.port, localAddress: '127.0.2.9' });
    assert.equal(summary(await relay.send(testMail)), 'delivered 250');
    assert.equal(from, '127.0.2.9');
    await relay.stop();
  });

  it('goes to no other machine in sandbox mode', async () => {
    const relay = relayTo({ host: '192.0.2.1' });
    assert.equal(summary(await relay.send(testMail)), 'failed connect ERR_SMTP_NOT_LOOPBACK');
    await relay.stop();
  });

  it('tells a relay that is not there', async () => {
    const server = await scriptedServer(() => undefined);
    await server.stop();
    const relay = relayTo({ port: server.port });
    assert.match(summary(await relay.send(testMail)), /^failed connect ERR_SMTP_(CONNECT|CLOSED)$/);
    await relay.stop();
  });

  const toTheDot = async (peer: Peer): Promise<void> => {
    await peer.hello();
    await peer.on('MAIL', '250 Ok');
    await peer.on('RCPT', '250 Ok');
    await peer.on('DATA', '354 Go');
  };

  it('knows whether the final dot was sent when the connection is lost', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      if (index === 0) {
        await peer.hello();
        await peer.line();
      } else {
        await toTheDot(peer);
        await peer.mail();
      }
      peer.socket.destroy();
    });
    const relay = relayTo({ port: server.port });
    assert.match(summary(await relay.send(testMail)), /^failed \w+ ERR_SMTP_\w+$/);
    assert.match(summary(await relay.send(testMail)), /^failed body ERR_SMTP_\w+ dot sent$/);
    await relay.stop();
  });

  it('sends the final dot only after beforeDot', async () => {
    let allowed = false;
    await using server = await scriptedServer(async (peer) => {
      await toTheDot(peer);
      await peer.mail();
      assert.equal(allowed, true);
      peer.say('250 Ok');
      await peer.gone();
    });
    const relay = relayTo({ port: server.port });
    const beforeDot = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      allowed = true;
    };
    assert.equal(summary(await relay.send(testMail, { beforeDot })), 'delivered 250');
    await relay.stop();
  });

  it('delivers nothing when beforeDot fails', async () => {
    let mail: string | undefined;
    await using server = await scriptedServer(async (peer) => {
      await toTheDot(peer);
      mail = await peer.mail();
    });
    const relay = relayTo({ port: server.port });
    const result = await relay.send(testMail, { beforeDot: () => Promise.reject(new Error('no journal')) });
    assert.match(summary(result), /^failed \w+ ERR_SMTP_WITHHELD$/);
    await relay.stop();
    assert.equal(mail, undefined);
  });

  it("keeps to the mail's deadline", async () => {
    await using server = await scriptedServer(async (peer) => {
      await toTheDot(peer);
      await peer.gone();
    });
    const relay = relayTo({ port: server.port });
    assert.match(
      summary(await relay.send({ ...testMail, deadlineMs: 200 })),
      /^failed body ERR_SMTP_TIMEOUT/,
    );
    await relay.stop();
  });

  it('closes after a 421 and connects anew', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      await peer.hello();
      if (index === 0) {
        await peer.on('MAIL', '421 4.7.0 Later');
        await peer.gone();
      } else {
        await peer.take();
        await peer.gone();
      }
    });
    const relay = relayTo({ port: server.port });
    assert.equal(summary(await relay.send(testMail)), 'refused mail 421');
    assert.equal(summary(await relay.send(testMail)), 'delivered 250');
    assert.equal(server.accepted(), 2);
    await relay.stop();
  });

  it('takes nothing after it was stopped', async () => {
    const relay = relayTo();
    await relay.stop();
    assert.equal(summary(await relay.send(testMail)), 'failed connect ERR_SMTP_ABORTED');
  });
});
