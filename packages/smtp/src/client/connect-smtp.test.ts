import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { before, describe, it } from 'node:test';
import { SMTPServer } from 'smtp-server';
import { type Peer, scriptedServer } from '../scripted-server.ts';
import { type TestAuthority, testAuthority } from '../test-certificates.ts';
import { connectTo, summary, testMail } from '../test-session.ts';
import { connectSmtp } from './connect-smtp.ts';
import { SmtpError } from './smtp-error.ts';

/** The phase and code that an attempt fails with. */
async function failure(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => assert.fail('it connected'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SmtpError, String(error));
  return `${error.phase} ${error.code}${error.reply === undefined ? '' : ` ${error.reply.code}`}`;
}

describe('Connecting', () => {
  it('greets, says EHLO and knows what the server offers', async () => {
    await using server = await scriptedServer(async (peer) => {
      peer.say('220-mx.test welcomes', '220 you');
      assert.equal(
        await peer.on('EHLO', '250-mx.test', '250-PIPELINING', '250 SIZE 1000'),
        'EHLO client.test',
      );
      await peer.on('QUIT', '221 Bye');
    });
    const connection = await connectTo(server.port);
    const { facts } = connection;
    assert.equal(facts.greeting, 'mx.test welcomes you');
    assert.deepEqual(facts.capabilities.keywords, ['PIPELINING', 'SIZE']);
    assert.equal(facts.remoteAddress, '127.0.0.1');
    assert.equal(facts.host, 'mx.test');
    assert.equal(facts.tls, null);
    await connection.quit();
    assert.equal(connection.usable, false);
  });

  it('says HELO to a server that knows no EHLO', async () => {
    await using server = await scriptedServer(async (peer) => {
      peer.say('220 old.test');
      await peer.on('EHLO', '502 Command not implemented');
      await peer.on('HELO client.test', '250 old.test');
      await peer.take('250 Ok');
    });
    const connection = await connectTo(server.port, { tls: 'opportunistic' });
    assert.deepEqual(connection.facts.capabilities.keywords, []);
    assert.equal(summary(await connection.send(testMail)), 'delivered 250');
    connection.destroy();
  });

  it('binds to the local address', async () => {
    let from: string | undefined;
    await using server = await scriptedServer(async (peer) => {
      from = peer.socket.remoteAddress;
      await peer.hello();
    });
    const connection = await connectTo(server.port, { localAddress: '127.0.2.7' });
    assert.equal(from, '127.0.2.7');
    assert.equal(connection.facts.localAddress, '127.0.2.7');
    connection.destroy();
  });

  it('speaks IPv6', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('220 six.test\r\n');
      socket.once('data', () => socket.write('250 six.test\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const connection = await connectTo(address.port, { address: '::1' });
    assert.equal(connection.facts.localAddress, '::1');
    connection.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const greetings: Record<string, string> = {
    '554 5.7.1 You are listed\r\n': 'greeting ERR_SMTP_REFUSED 554',
    '421 4.7.0 Too many connections\r\n': 'greeting ERR_SMTP_REFUSED 421',
    '250 Hello\r\n': 'greeting ERR_SMTP_REFUSED 250',
    'SSH-2.0-OpenSSH_9.6\r\n': 'greeting ERR_SMTP_PROTOCOL',
    '220 mx\r\n250 too much\r\n': 'greeting ERR_SMTP_PROTOCOL',
  };
  for (const [greeting, expected] of Object.entries(greetings)) {
    it(`fails at the greeting ${JSON.stringify(greeting)}`, async () => {
      await using server = await scriptedServer(async (peer) => {
        peer.socket.write(greeting);
        await peer.gone();
      });
      assert.equal(await failure(connectTo(server.port)), expected);
    });
  }

  it('fails when the server closes before, or instead of, an answer', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      if (index === 0) peer.socket.destroy();
      else {
        peer.say('220 mx');
        await peer.line();
        peer.socket.end();
      }
    });
    assert.equal(await failure(connectTo(server.port)), 'greeting ERR_SMTP_CLOSED');
    assert.equal(await failure(connectTo(server.port)), 'ehlo ERR_SMTP_CLOSED');
  });

  it('fails when EHLO is refused', async () => {
    await using server = await scriptedServer(async (peer) => {
      peer.say('220 mx');
      await peer.on('EHLO', '450 4.7.1 Later');
      await peer.gone();
    });
    assert.equal(await failure(connectTo(server.port)), 'ehlo ERR_SMTP_REFUSED 450');
  });

  it('fails when the server says more than it was asked', async () => {
    await using server = await scriptedServer(async (peer) => {
      peer.say('220 mx');
      await peer.on('EHLO', '250 mx', '250 and more');
      await peer.gone();
    });
    assert.equal(await failure(connectTo(server.port)), 'ehlo ERR_SMTP_PROTOCOL');
  });

  it('fails at a closed port, with the cause of the system', async () => {
    const server = await scriptedServer(() => undefined);
    await server.stop();
    const error = await connectTo(server.port).catch((reason: unknown) => reason);
    assert.ok(error instanceof SmtpError && error.cause instanceof Error && 'code' in error.cause);
    assert.equal(error.code, 'ERR_SMTP_CONNECT');
    assert.equal(error.cause.code, 'ECONNREFUSED');
  });

  it('limits the time of the greeting and of EHLO, however the bytes drip', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      if (index === 1) {
        peer.say('220 mx');
        await peer.line();
      }
      const drip = setInterval(() => peer.socket.write(index === 0 ? '220-x\r\n' : '250-x\r\n'), 20);
      await peer.gone();
      clearInterval(drip);
    });
    assert.equal(
      await failure(connectTo(server.port, { timeouts: { greetingMs: 150 } })),
      'greeting ERR_SMTP_TIMEOUT',
    );
    assert.equal(
      await failure(connectTo(server.port, { timeouts: { ehloMs: 150 } })),
      'ehlo ERR_SMTP_TIMEOUT',
    );
  });

  it('can be given up', async () => {
    await using server = await scriptedServer((peer) => peer.gone());
    const abort = new AbortController();
    const attempt = connectTo(server.port, { signal: abort.signal });
    abort.abort();
    assert.match(await failure(attempt), /ERR_SMTP_ABORTED/);
    assert.match(await failure(connectTo(server.port, { signal: abort.signal })), /ERR_SMTP_ABORTED/);
    const later = new AbortController();
    const greeting = connectTo(server.port, { signal: later.signal });
    const result = failure(greeting);
    while (server.accepted() < 1) await new Promise((resolve) => setImmediate(resolve));
    later.abort();
    assert.match(await result, /ERR_SMTP_ABORTED/);
  });

  it('is not touched by its signal once it is there', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.hello();
      await peer.take();
      await peer.gone();
    });
    const abort = new AbortController();
    const connection = await connectTo(server.port, { signal: abort.signal });
    abort.abort();
    assert.equal(summary(await connection.send(testMail)), 'delivered 250');
    connection.destroy();
  });

  it('opens no socket to another machine in sandbox mode', async () => {
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '0.0.0.0']) {
      assert.equal(await failure(connectTo(25, { address })), 'connect ERR_SMTP_NOT_LOOPBACK');
    }
  });

  it('refuses what would be a mistake of the caller', async () => {
    await assert.rejects(connectTo(25, { address: 'localhost' }), TypeError);
    await assert.rejects(connectTo(25, { ehloName: 'a.test\r\nMAIL FROM:<>' }), TypeError);
    await assert.rejects(connectTo(25, { ehloName: '' }), TypeError);
  });
});

describe('STARTTLS, RFC 3207', () => {
  let authority: TestAuthority;
  before(async () => {
    authority = await testAuthority();
  });

  async function secured(peer: Peer, names: readonly string[]): Promise<void> {
    peer.say('220 mx.test');
    await peer.on('EHLO', '250-mx.test', '250-STARTTLS', '250 XPLAIN');
    await peer.startTls(await authority.certificate(names));
    await peer.on('EHLO', '250-mx.test', '250 PIPELINING');
  }

  it('encrypts, verifies and forgets what was offered in the clear', async () => {
    await using server = await scriptedServer(async (peer) => {
      await secured(peer, ['mx.test']);
      await peer.take();
      await peer.on('QUIT', '221 Bye');
      peer.socket.end();
    });
    const connection = await connectTo(server.port, { tls: 'required', verify: true, ca: authority.ca });
    const { tls, capabilities } = connection.facts;
    assert.deepEqual(capabilities.keywords, ['PIPELINING']);
    assert.equal(tls?.protocol, 'TLSv1.3');
    assert.match(tls.cipher, /^TLS_/);
    assert.equal(tls.verified, true);
    assert.equal(tls.verifyError, null);
    assert.equal(tls.subject, 'mx.test');
    assert.equal(tls.issuer, 'Test authority');
    assert.ok(Date.parse(tls.expires_at ?? '') > Date.now());
    assert.equal(tls.resumed, false);
    assert.equal(summary(await connection.send(testMail)), 'delivered 250');
    await connection.quit();
  });

  const certificates = {
    'of another name': ['ERR_TLS_CERT_ALTNAME_INVALID', () => authority.certificate(['other.test'])],
    'whose time is over': ['CERT_HAS_EXPIRED', () => authority.certificate(['mx.test'], { expired: true })],
    'that signs itself': ['DEPTH_ZERO_SELF_SIGNED_CERT', () => authority.selfSigned('mx.test')],
  } as const;
  for (const [name, [verifyError, make]] of Object.entries(certificates)) {
    it(`records a certificate ${name}, and refuses it only when asked to`, async () => {
      await using server = await scriptedServer(async (peer) => {
        await peer.hello('STARTTLS');
        await peer.startTls(await make());
        await peer.on('EHLO', '250 mx.test');
        await peer.gone();
      });
      for (const tls of ['opportunistic', 'required'] as const) {
        const connection = await connectTo(server.port, { tls, ca: authority.ca });
        assert.equal(connection.facts.tls?.verified, false);
        assert.equal(connection.facts.tls?.verifyError, verifyError);
        connection.destroy();
      }
      assert.equal(
        await failure(connectTo(server.port, { tls: 'required', verify: true, ca: authority.ca })),
        'tls ERR_SMTP_TLS',
      );
    });
  }

  it('takes an earlier session up again, with what was known of it', async () => {
    const certificate = await authority.certificate(['resumed.test']);
    // One context for both connections: a server takes back its own tickets only.
    const server = new SMTPServer({
      cert: certificate.cert,
      key: certificate.key,
      authOptional: true,
      disabledCommands: ['AUTH'],
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const address = server.server.address();
    assert.ok(address !== null && typeof address === 'object');
    const options = { host: 'resumed.test', tls: 'required', verify: true, ca: authority.ca } as const;
    const first = await connectTo(address.port, options);
    await first.quit();
    const second = await connectTo(address.port, options);
    assert.equal(first.facts.tls?.resumed, false);
    assert.equal(second.facts.tls?.resumed, true);
    assert.equal(second.facts.tls?.verified, true);
    assert.equal(second.facts.tls?.issuer, 'Test authority');
    await second.quit();
    // Another name on the same address has proven nothing.
    const other = await connectTo(address.port, { ...options, host: 'other.test', verify: false });
    assert.equal(other.facts.tls?.resumed, false);
    assert.equal(other.facts.tls?.verified, false);
    await other.quit();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it('goes on in the clear when the server does not offer it, or refuses it, and nothing requires it', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      await peer.hello(...(index === 0 ? [] : ['STARTTLS']));
      if (index > 0) await peer.on('STARTTLS', '454 4.7.0 TLS not available');
      await peer.take();
      await peer.gone();
    });
    for (const failureText of [null, 'STARTTLS: 454 TLS not available']) {
      const connection = await connectTo(server.port, { tls: 'opportunistic' });
      assert.equal(connection.facts.tls, null);
      assert.equal(connection.facts.tlsFailure, failureText);
      assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      connection.destroy();
    }
  });

  it('does not go on in the clear when it is required', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      await peer.hello(...(index === 0 ? [] : ['STARTTLS']));
      if (index > 0) await peer.on('STARTTLS', '454 4.7.0 TLS not available');
      await peer.gone();
    });
    assert.match(await failure(connectTo(server.port, { tls: 'required' })), /^tls ERR_SMTP_TLS_REQUIRED/);
    assert.equal(await failure(connectTo(server.port, { tls: 'required' })), 'tls ERR_SMTP_REFUSED 454');
    assert.equal(server.accepted(), 2);
  });

  it('connects once more in the clear when the handshake breaks, unless TLS is required', async () => {
    await using server = await scriptedServer(async (peer, index) => {
      await peer.hello('STARTTLS');
      if (index === 1) {
        await peer.take();
      } else {
        await peer.line();
        peer.say('220 Ready');
        peer.socket.removeAllListeners('data');
        peer.socket.once('data', () => peer.socket.end('This is no TLS\r\n'));
      }
      await peer.gone();
    });
    const connection = await connectTo(server.port, { tls: 'opportunistic' });
    assert.equal(connection.facts.tls, null);
    assert.match(connection.facts.tlsFailure ?? '', /TLS handshake/);
    assert.equal(summary(await connection.send(testMail)), 'delivered 250');
    connection.destroy();
    assert.equal(server.accepted(), 2);
    assert.match(await failure(connectTo(server.port, { tls: 'required' })), /^tls ERR_SMTP_TLS$/);
    assert.equal(server.accepted(), 3);
  });

  it('does not connect in the clear to a server that is merely slow in the handshake', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.hello('STARTTLS');
      await peer.line();
      peer.say('220 Ready');
      await peer.gone();
    });
    const attempt = connectTo(server.port, { tls: 'opportunistic', timeouts: { tlsMs: 150 } });
    assert.match(await failure(attempt), /^tls ERR_SMTP_TIMEOUT/);
    assert.equal(server.accepted(), 1);
  });

  for (const injected of ['250 2.1.0 injected\r\n', '250-half', 'x']) {
    it(`refuses ${JSON.stringify(injected)} that comes in the clear behind the 220`, async () => {
      await using server = await scriptedServer(async (peer) => {
        await peer.hello('STARTTLS');
        await peer.startTls(await authority.certificate(['mx.test']), injected);
      });
      assert.match(
        await failure(connectTo(server.port, { tls: 'opportunistic', ca: authority.ca })),
        /^tls ERR_SMTP_PROTOCOL/,
      );
      assert.equal(server.accepted(), 1);
    });
  }

  it('hides nothing of a mail from a server that was never asked: no command goes out before the handshake ends', async () => {
    let clear = '';
    await using server = await scriptedServer(async (peer) => {
      peer.socket.on('data', (chunk: Buffer) => {
        clear += chunk.toString('latin1');
      });
      peer.say('220 mx.test');
      await peer.on('EHLO', '250-mx.test', '250-STARTTLS', '250 PIPELINING');
      await peer.line();
      await peer.gone();
    });
    const attempt = connectSmtp({
      host: 'mx.test',
      address: '127.0.0.1',
      port: server.port,
      ehloName: 'client.test',
      tls: 'required',
      loopbackOnly: true,
      timeouts: { tlsMs: 100 },
    });
    await failure(attempt);
    assert.equal(clear, 'EHLO client.test\r\nSTARTTLS\r\n');
  });
});
