import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Peer, scriptedServer } from '../scripted-server.ts';
import { connectTo, summary, testMail } from '../test-session.ts';
import { SmtpError } from './smtp-error.ts';

const timeouts = {
  greetingMs: 400,
  ehloMs: 400,
  tlsMs: 400,
  mailMs: 400,
  rcptMs: 400,
  dataMs: 400,
  blockMs: 400,
  bodyMs: 400,
  quitMs: 100,
};

/** Sends the same bytes until the client has had enough; gives how many it had to take. */
async function flood(peer: Peer, bytes: Buffer): Promise<number> {
  let sent = 0;
  let closed = false;
  peer.socket.once('close', () => {
    closed = true;
  });
  while (!closed && sent < 500_000_000) {
    sent += bytes.length;
    const room = peer.socket.write(bytes);
    await new Promise<void>((resolve) => {
      if (room) {
        setImmediate(resolve);
        return;
      }
      peer.socket.once('drain', resolve);
      peer.socket.once('close', resolve);
    });
  }
  return sent;
}

describe('A server that floods', () => {
  const floods: Record<string, Buffer> = {
    'a line without end': Buffer.alloc(65_536, 'a'),
    'a reply without end': Buffer.from('250-and so on\r\n'.repeat(4_000)),
    'replies without end': Buffer.from('250 Ok\r\n'.repeat(8_000)),
    zeros: Buffer.alloc(65_536),
    'line ends': Buffer.from('\r\n'.repeat(30_000)),
  };
  const places: Record<string, (peer: Peer) => Promise<void>> = {
    'at the greeting': () => Promise.resolve(),
    'at EHLO': async (peer) => {
      peer.say('220 mx');
      await peer.line();
    },
    'at MAIL': async (peer) => {
      await peer.hello('PIPELINING');
      await peer.line();
    },
    'at the final dot': async (peer) => {
      await peer.hello();
      await peer.on('MAIL', '250 Ok');
      await peer.on('RCPT', '250 Ok');
      await peer.on('DATA', '354 Go');
      await peer.mail();
    },
  };
  for (const [what, bytes] of Object.entries(floods)) {
    for (const [where, begin] of Object.entries(places)) {
      it(`with ${what} ${where} is left at once, and nothing of it is kept`, async () => {
        let sent = 0;
        await using server = await scriptedServer(async (peer) => {
          await begin(peer);
          sent = await flood(peer, bytes);
        });
        const outcome = await connectTo(server.port, { timeouts }).then(
          async (connection) => {
            const result = await connection.send(testMail);
            connection.destroy();
            return summary(result);
          },
          (error: unknown) => {
            assert.ok(error instanceof SmtpError);
            return error.code;
          },
        );
        // "250 Ok" without end is also a right answer, before it is too much.
        assert.match(outcome, /ERR_SMTP_(PROTOCOL|REFUSED|CLOSED)|^delivered 250$/);
        await server.stop();
        // What the system's buffers hold on both sides, not what the server could send.
        assert.ok(sent < 40_000_000, `${sent} bytes were taken`);
      });
    }
  }
});

/** What a server may do next, more or less like a real one. */
const move = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('250 Ok\r\n', '354 Go ahead\r\n', '250 2.1.0 Ok\r\n') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '550 5.1.1 No\r\n',
      '451 4.7.1 Later\r\n',
      '421 Closing\r\n',
      '250-a\r\n250 b\r\n',
      '220 Hello\r\n',
      '503 Bad sequence\r\n',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('25', '250', '250-', '250-x\r\n', '\r\n', '\0', 'garbage\r\n', '999 x\r\n'),
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  },
  { weight: 2, arbitrary: fc.constantFrom('wait for a line', 'wait a moment') },
  { weight: 1, arbitrary: fc.constantFrom('close', 'reset') },
);

async function play(peer: Peer, moves: readonly string[]): Promise<void> {
  for (const next of moves) {
    switch (next) {
      case 'wait for a line':
        await Promise.race([peer.line(), new Promise((resolve) => setTimeout(resolve, 20))]);
        break;
      case 'wait a moment':
        await new Promise((resolve) => setTimeout(resolve, 2));
        break;
      case 'close':
        peer.socket.end();
        break;
      case 'reset':
        // Node leaks the handle of a socket that is reset while it is being shut down.
        if (peer.socket.writableEnded) peer.socket.destroy();
        else peer.socket.resetAndDestroy();
        break;
      default:
        peer.socket.write(next);
    }
  }
  await peer.gone();
}

describe('A server that does anything', () => {
  it('gets no final dot that it did not ask for, and every mail has a result', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.boolean(),
        fc.array(move, { minLength: 1, maxLength: 14 }),
        async (greets, pipelining, moves) => {
          let said = '';
          let heard = '';
          const server = await scriptedServer(async (peer) => {
            const write = peer.socket.write.bind(peer.socket);
            peer.socket.on('data', (chunk: Buffer) => {
              heard += chunk.toString('latin1');
            });
            if (greets) await peer.hello(...(pipelining ? ['PIPELINING'] : []));
            peer.socket.write = (bytes: string | Uint8Array) => {
              said += bytes.toString();
              return write(bytes);
            };
            await play(peer, moves);
          });
          const data = Buffer.from('MARK\r\n');
          const mail = { ...testMail, data };
          try {
            const connection = await connectTo(server.port, { timeouts });
            const sent = [connection.send(mail)];
            if (connection.ready) sent.push(connection.send(mail));
            const results = await Promise.all(sent);
            for (const result of results) {
              assert.ok(['delivered', 'refused', 'failed'].includes(result.kind));
              if (result.kind === 'refused') assert.ok(result.reply.code >= 300);
            }
            assert.equal(connection.inFlight, 0);
            const certain = results.filter(({ kind }) => kind === 'delivered').length;
            const inDoubt = results.filter((result) => result.kind === 'failed' && result.dotSent).length;
            assert.ok(certain + inDoubt <= said.split('354').length - 1);
            await connection.quit();
            assert.equal(connection.usable, false);
          } catch (error) {
            if (!(error instanceof SmtpError)) throw error;
          } finally {
            await server.stop();
          }
          if (heard.includes('MARK')) assert.match(said, /354/);
        },
      ),
      { numRuns: 150, endOnFailure: true },
    );
  });
});

describe('Memory', () => {
  it('of a thousand silent connections is small, and comes back', async () => {
    await using server = await scriptedServer(async (peer) => {
      await peer.hello('PIPELINING');
      // Half a reply, so that something has to be kept.
      peer.socket.write('250-');
      await peer.gone();
    });
    const connect = async (count: number): Promise<void> => {
      const attempts = Array.from({ length: count }, () => connectTo(server.port, { timeouts }));
      for (const attempt of await Promise.allSettled(attempts)) {
        if (attempt.status === 'fulfilled') attempt.value.destroy();
      }
    };
    await connect(200);
    const before = process.memoryUsage();
    for (let round = 0; round < 5; round++) await connect(200);
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.external - before.heapUsed - before.external;
    assert.ok(grown < 60_000_000, `${grown} bytes more`);
  });
});
