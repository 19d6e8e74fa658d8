import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { V2ProxyProtocol } from 'proxy-protocol-js';
import { SmtpError } from '../client/smtp-error.ts';
import type { SmtpOptions } from '../client/smtp-options.ts';
import { type Peer, type ScriptedServer, scriptedServer } from '../scripted-server.ts';
import { type TestAuthority, testAuthority } from '../test-certificates.ts';
import { connectTo, summary, testMail } from '../test-session.ts';
import type { EgressProxy } from './egress-proxy.ts';
import { proxyHeader } from './proxy-header.ts';
import { headerProxy, type SocksScript, socksServer } from './test-proxies.ts';

const address = '127.0.0.1';

async function failureOf(port: number, options: Partial<SmtpOptions>): Promise<SmtpError> {
  const error = await connectTo(port, options).then(
    (connection) => {
      connection.destroy();
      return assert.fail('it connected');
    },
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SmtpError, String(error));
  return error;
}

/** A port of loopback where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return bound !== null && typeof bound === 'object' ? bound.port : assert.fail('no port');
}

let authority: TestAuthority;
before(async () => {
  authority = await testAuthority();
});

/** Takes a mail over TLS and notes where its client comes from. */
const secureServer = async (from: (string | undefined)[]): Promise<ScriptedServer> => {
  const certificate = await authority.certificate(['mx.test']);
  return await scriptedServer(async (peer: Peer) => {
    from.push(peer.socket.remoteAddress);
    await peer.hello('STARTTLS', 'PIPELINING');
    await peer.startTls(certificate);
    await peer.on('EHLO', '250-mx.test', '250 PIPELINING');
    await peer.take('250 2.0.0 queued');
    await peer.take('250 2.0.0 queued too');
    await peer.on('QUIT', '221 Bye');
  });
};

const ways: Readonly<
  Record<string, { readonly start: typeof socksServer; readonly proxy: (port: number) => EgressProxy }>
> = {
  'a PROXY v2 proxy': {
    start: headerProxy,
    proxy: (port) => ({ kind: 'proxy_v2', address, port, sourceAddress: '127.0.4.9' }),
  },
  'a SOCKS5 proxy': {
    start: () => socksServer({ source: '127.0.4.9' }),
    proxy: (port) => ({ kind: 'socks5', address, port }),
  },
};

for (const [name, { start, proxy }] of Object.entries(ways)) {
  describe(`Through ${name}`, () => {
    it('mails leave from its address, over TLS, on one connection', async () => {
      const from: (string | undefined)[] = [];
      await using server = await secureServer(from);
      await using via = await start();
      const connection = await connectTo(server.port, {
        proxy: proxy(via.port),
        tls: 'required',
        verify: true,
        ca: authority.ca,
      });
      assert.equal(connection.facts.remoteAddress, address);
      assert.equal(connection.facts.localAddress, '127.0.4.9');
      assert.equal(connection.facts.tls?.verified, true);
      assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      await connection.quit();
      assert.deepEqual(from, ['127.0.4.9']);
      assert.equal(via.asked.length, 1);
      assert.match(via.asked[0] ?? '', new RegExp(`127\\.0\\.0\\.1:${server.port}$`));
    });

    it('a mail of a megabyte arrives whole in the clear', async () => {
      let heard = '';
      await using server = await scriptedServer(async (peer) => {
        await peer.hello('PIPELINING');
        heard = await peer.take();
      });
      await using via = await start();
      const connection = await connectTo(server.port, { proxy: proxy(via.port) });
      const line = `${'x'.repeat(70)}\r\n`;
      const data = Buffer.from(`Subject: large\r\n\r\n${line.repeat(14_000)}`);
      assert.equal(summary(await connection.send({ ...testMail, data })), 'delivered 250');
      assert.equal(heard, data.toString());
      connection.destroy();
    });

    it('a server that breaks TLS is spoken to in the clear, by the same way', async () => {
      await using server = await scriptedServer(async (peer, index) => {
        await peer.hello('STARTTLS');
        if (index === 0) {
          await peer.line();
          peer.socket.end('220 Ready\r\n');
        } else await peer.take();
      });
      await using via = await start();
      const connection = await connectTo(server.port, { proxy: proxy(via.port), tls: 'opportunistic' });
      assert.equal(connection.facts.tls, null);
      assert.match(connection.facts.tlsFailure ?? '', /TLS/);
      assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      connection.destroy();
      assert.equal(via.asked.length, 2);
    });

    it('what the server says no with is the server’s', async () => {
      await using server = await scriptedServer((peer) => peer.say('554 Go away'));
      await using via = await start();
      const error = await failureOf(server.port, { proxy: proxy(via.port) });
      assert.equal(`${error.phase} ${error.code} ${error.reply?.code}`, 'greeting ERR_SMTP_REFUSED 554');
    });

    it('nobody at the proxy’s port is the proxy’s error', async () => {
      await using server = await scriptedServer((peer) => peer.hello());
      const error = await failureOf(server.port, { proxy: proxy(await closedPort()) });
      assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_PROXY');
      assert.match(error.message, /proxy 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/);
      assert.equal(server.accepted(), 0);
    });

    it('a proxy that is not on this machine is never connected to while only loopback is allowed', async () => {
      const elsewhere = { ...proxy(1), address: '192.0.2.1' };
      const error = await failureOf(25, { proxy: elsewhere });
      assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_NOT_LOOPBACK');
    });

    it('nor is a server elsewhere, whatever the proxy', async () => {
      await using via = await start();
      const error = await failureOf(25, { proxy: proxy(via.port), address: '192.0.2.1' });
      assert.equal(`${error.phase} ${error.code}`, 'connect ERR_SMTP_NOT_LOOPBACK');
      assert.deepEqual(via.asked, []);
    });

    it('an attempt that is given up ends', async () => {
      const controller = new AbortController();
      await using server = await scriptedServer(() => controller.abort());
      await using via = await start();
      const error = await failureOf(server.port, { proxy: proxy(via.port), signal: controller.signal });
      assert.equal(error.code, 'ERR_SMTP_ABORTED');
    });
  });
}

describe('A PROXY v2 header', () => {
  const ipv4 = fc.ipV4();
  const ipv6 = fc.ipV6();
  const port = fc.integer({ min: 1, max: 65_535 });

  it('is read by others as it was meant', () => {
    const pair = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
    const bytesOf = (text: string): number[] => {
      const { hostname } = new URL(`http://${text.includes(':') ? `[${text}]` : text}`);
      if (!hostname.startsWith('[')) return hostname.split('.').map(Number);
      const [left = '', right] = hostname.slice(1, -1).split('::');
      const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
      const missing = 8 - groups(left).length - groups(right ?? '').length;
      const all = [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right ?? '')];
      return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
    };
    fc.assert(
      fc.property(pair, port, ([sourceAddress, to], toPort) => {
        const header = proxyHeader({ sourceAddress, address: to, port: toPort });
        const { proxyAddress: read, data } = V2ProxyProtocol.parse(header);
        assert.ok('destinationPort' in read);
        assert.deepEqual([...read.sourceAddress.address], bytesOf(sourceAddress));
        assert.deepEqual([...read.destinationAddress.address], bytesOf(to));
        assert.equal(read.destinationPort, toPort);
        assert.equal(read.sourcePort, 0);
        assert.equal(data?.length ?? 0, 0);
        assert.equal(header.readUInt16BE(14), header.length - 16);
      }),
    );
  });

  it('is for two addresses of one family', () => {
    assert.throws(() => proxyHeader({ sourceAddress: '127.0.0.1', address: '::1', port: 25 }), TypeError);
  });

  it('is never answered: a proxy that hangs up leaves open whose doing it was, and says so', async () => {
    await using via = await headerProxy();
    const proxy: EgressProxy = { kind: 'proxy_v2', address, port: via.port, sourceAddress: '127.0.4.9' };
    const error = await failureOf(await closedPort(), { proxy });
    assert.equal(`${error.phase} ${error.code}`, 'greeting ERR_SMTP_CLOSED');
    assert.match(error.message, /by PROXY v2 proxy .* before its greeting, or the proxy did not reach it$/);
  });
});

describe('A SOCKS5 proxy', () => {
  /** The error of a session through a proxy that does this. */
  const failing = async (script: SocksScript, options: Partial<SmtpOptions> = {}): Promise<SmtpError> => {
    await using server = await scriptedServer((peer) => peer.hello());
    await using via = await socksServer(script);
    const error = await failureOf(server.port, {
      proxy: { kind: 'socks5', address, port: via.port },
      ...options,
    });
    assert.equal(server.accepted(), 0);
    return error;
  };
  const login = { username: 'millrace', password: 'Geheimnis-äöü' };

  it('takes user and password where it wants them', async () => {
    await using server = await scriptedServer((peer) => peer.hello());
    await using via = await socksServer({ login });
    const connection = await connectTo(server.port, {
      proxy: { kind: 'socks5', address, port: via.port, ...login },
    });
    assert.equal(connection.facts.greeting, 'mx.test ESMTP');
    // 0.0.0.0: the proxy does not say.
    assert.equal(connection.facts.localAddress, '');
    connection.destroy();
  });

  it('reaches IPv6 servers', async () => {
    const six = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('220 six.test\r\n');
      socket.once('data', () => socket.write('250 six.test\r\n'));
    });
    await new Promise<void>((resolve) => six.listen(0, '::1', resolve));
    const bound = six.address();
    assert.ok(bound !== null && typeof bound === 'object');
    await using via = await socksServer();
    const proxy: EgressProxy = { kind: 'socks5', address, port: via.port };
    const connection = await connectTo(bound.port, { address: '::1', proxy });
    assert.deepEqual(via.asked, [`1 0000:0000:0000:0000:0000:0000:0000:0001:${bound.port}`]);
    connection.destroy();
    await new Promise((resolve) => six.close(resolve));
  });

  const ofServer = {
    3: 'network unreachable',
    4: 'host unreachable',
    5: 'connection refused',
    6: 'TTL expired',
  };
  for (const [code, reason] of Object.entries(ofServer)) {
    it(`answers ${code} (${reason}): the server’s error`, async () => {
      const error = await failing({ answer: Number(code) });
      assert.equal(`${error.phase} ${error.code}`, 'connect ERR_SMTP_CONNECT');
      assert.match(
        error.message,
        new RegExp(`^mx\\.test \\(.* by SOCKS5 proxy .*\\) cannot be reached: ${reason}$`),
      );
    });
  }

  for (const code of [1, 2, 7, 8, 99]) {
    it(`answers ${code}: its own error`, async () => {
      const error = await failing({ answer: code });
      assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_PROXY');
      assert.match(error.message, /^SOCKS5 proxy 127\.0\.0\.1:\d+ refuses: /);
    });
  }

  it('that refuses the password has an error of its own, which does not show it', async () => {
    const username = 'millrace';
    const error = await failing({ login: { username, password: 'another' } }, {});
    assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_PROXY');
    await using server = await scriptedServer((peer) => peer.hello());
    await using via = await socksServer({ login: { username, password: 'another' } });
    const proxy: EgressProxy = { kind: 'socks5', address, port: via.port, ...login };
    const wrong = await failureOf(server.port, { proxy });
    assert.equal(`${wrong.phase} ${wrong.code}`, 'proxy ERR_SMTP_PROXY');
    assert.doesNotMatch(inspect(wrong, { depth: null, showHidden: true }), /Geheimnis/);
  });

  it('that speaks another protocol has an error of its own', async () => {
    await using server = await scriptedServer((peer) => peer.hello());
    await using via = await scriptedServer((peer) => peer.say('HTTP/1.1 400 Bad Request'));
    const error = await failureOf(server.port, { proxy: { kind: 'socks5', address, port: via.port } });
    assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_PROXY');
  });

  it('that closes without a word has an error of its own', async () => {
    await using via = await scriptedServer((peer) => void peer.socket.destroy());
    const error = await failureOf(25, { proxy: { kind: 'socks5', address, port: via.port } });
    assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_PROXY');
  });

  it('that never says a word has an error of its own', async () => {
    const error = await failing({ answer: 'mute' }, { timeouts: { connectMs: 200 } });
    assert.equal(`${error.phase} ${error.code}`, 'proxy ERR_SMTP_PROXY');
    assert.match(error.message, /took too long to answer/);
  });

  it('that waits for the server too long: the server’s error', async () => {
    const error = await failing({ answer: 'silent' }, { timeouts: { connectMs: 3_000 } });
    assert.equal(`${error.phase} ${error.code}`, 'connect ERR_SMTP_CONNECT');
    assert.match(error.message, /^mx\.test .* took too long to be connected to/);
  });
});
