import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Peer, type ScriptedServer, scriptedServer } from '../scripted-server.ts';
import { connectTo, summary, testMail } from '../test-session.ts';
import type { SmtpOptions } from './smtp-options.ts';
import type { SmtpConnection } from './smtp-session.ts';

const group = ['MAIL FROM:<a@sender.test>', 'RCPT TO:<b@receiver.test>', 'DATA'];

/** Runs `use` on a connection to a server that, after EHLO with these keywords, follows the script. */
async function session(
  keywords: readonly string[],
  script: (peer: Peer) => Promise<void>,
  use: (connection: SmtpConnection, server: ScriptedServer) => Promise<void>,
  options: Partial<SmtpOptions> = {},
): Promise<void> {
  await using server = await scriptedServer(async (peer) => {
    await peer.hello(...keywords);
    await script(peer);
  });
  const connection = await connectTo(server.port, options);
  try {
    await use(connection, server);
  } finally {
    connection.destroy();
  }
}

/** Reads so many commands before anything is answered. */
async function lines(peer: Peer, count: number): Promise<string[]> {
  const read: string[] = [];
  while (read.length < count) read.push(await peer.line());
  return read;
}

/** Takes the commands of one mail, sent together, and asks for it. */
async function letBegin(peer: Peer): Promise<void> {
  await lines(peer, group.length);
  peer.say('250 Ok', '250 Ok', '354 Go');
}

describe('One mail', () => {
  it('goes command by command to a server without PIPELINING', async () => {
    await session(
      [],
      async (peer) => {
        for (const [command, reply] of [
          [group[0], '250 Ok'],
          [group[1], '250 Ok'],
          ['DATA', '354 Go'],
        ]) {
          assert.equal(await peer.line(), command);
          assert.equal(peer.unread, '');
          peer.say(reply ?? '');
        }
        assert.equal(await peer.mail(), testMail.data.toString());
        peer.say('250 2.0.0 Ok: queued as 123');
        await peer.gone();
      },
      async (connection) => {
        const result = await connection.send(testMail);
        assert.ok(result.kind === 'delivered');
        assert.deepEqual(result.reply, {
          code: 250,
          enhanced: '2.0.0',
          text: 'Ok: queued as 123',
          lines: ['2.0.0 Ok: queued as 123'],
        });
        assert.equal(connection.deliveries, 1);
        assert.equal(connection.inFlight, 0);
      },
    );
  });

  it('goes in one group to a server with PIPELINING', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        assert.deepEqual(await lines(peer, 3), group);
        peer.say('250 Ok', '250 Ok', '354 Go');
        assert.equal(await peer.mail(), testMail.data.toString());
        peer.say('250 Ok');
        await peer.gone();
      },
      async (connection) => assert.equal(summary(await connection.send(testMail)), 'delivered 250'),
    );
  });

  it('is told to be taken when the network has all of it, and not when the connection ends before', async () => {
    const large = { ...testMail, data: Buffer.alloc(32_000_000, 'x\r\n') };
    const begun = Promise.withResolvers<void>();
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        await peer.mail();
        peer.say('250 Ok');
        await letBegin(peer);
        await peer.line();
        begun.resolve();
        await peer.gone();
      },
      async (connection) => {
        let taken = 0;
        const hooks = {
          taken: () => {
            taken += 1;
          },
        };
        assert.equal(summary(await connection.send(testMail, hooks)), 'delivered 250');
        assert.equal(taken, 1);
        const sent = connection.send(large, hooks);
        await begun.promise;
        connection.destroy();
        assert.equal((await sent).kind, 'failed');
        assert.equal(taken, 1);
      },
    );
  });

  it('goes command by command where pipelining is switched off', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        assert.equal(await peer.line(), group[0]);
        assert.equal(peer.unread, '');
        peer.say('550 No');
        await peer.gone();
      },
      async (connection) => {
        assert.equal(connection.ready, true);
        const sent = connection.send(testMail);
        assert.equal(connection.ready, false);
        assert.equal(summary(await sent), 'refused mail 550');
      },
      { pipelining: false },
    );
  });

  it('is dot-stuffed, and ended where its last line is not', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        assert.equal(await peer.take(), '..a\r\n..\r\nb\r\n');
        await peer.gone();
      },
      async (connection) => {
        const data = Buffer.from('.a\r\n.\r\nb');
        assert.equal(summary(await connection.send({ ...testMail, data })), 'delivered 250');
      },
    );
  });

  it('arrives whole when it is larger than any buffer', async () => {
    const data = Buffer.from(`${'.'.repeat(70)}0123456789\r\n`.repeat(60_000));
    await session(
      ['PIPELINING', 'SIZE'],
      async (peer) => {
        const mail = await peer.take();
        assert.equal(mail.length, data.length + 60_000);
        await peer.gone();
      },
      async (connection) =>
        assert.equal(summary(await connection.send({ ...testMail, data })), 'delivered 250'),
    );
  });

  it('is refused here when the server does not offer what it needs; nothing is said', async () => {
    await session(
      ['SIZE 10'],
      async (peer) => {
        await peer.gone();
        assert.equal(peer.unread, '');
      },
      async (connection) => {
        assert.equal(summary(await connection.send({ ...testMail, smtpUtf8: true })), 'refused locally 550');
        assert.equal(summary(await connection.send({ ...testMail, eightBit: true })), 'refused locally 554');
        assert.equal(summary(await connection.send(testMail)), 'refused locally 552');
        assert.equal(connection.deliveries, 0);
        assert.equal(connection.usable, true);
      },
    );
  });

  it('cannot carry commands in its addresses', async () => {
    await session(
      ['PIPELINING'],
      (peer) => peer.gone(),
      async (connection) => {
        await assert.rejects(
          connection.send({ ...testMail, rcptTo: 'a@b.test>\r\nRCPT TO:<c@d.test' }),
          TypeError,
        );
        assert.equal(connection.usable, true);
        assert.equal(connection.inFlight, 0);
      },
    );
  });
});

describe('A refused mail', () => {
  const refusals: Record<
    string,
    { readonly replies: string[]; readonly result: string; readonly reset: boolean }
  > = {
    'at MAIL': {
      replies: ['550 5.1.0 No', '503 Need MAIL', '503 Need RCPT'],
      result: 'refused mail 550',
      reset: false,
    },
    'at RCPT': {
      replies: ['250 Ok', '550 5.1.1 Unknown', '503 No recipients'],
      result: 'refused rcpt 550',
      reset: true,
    },
    'at DATA': { replies: ['250 Ok', '250 Ok', '451 4.3.0 Later'], result: 'refused data 451', reset: true },
  };
  for (const [where, { replies, result, reset }] of Object.entries(refusals)) {
    it(`${where}, pipelined: the next one goes through on the same connection`, async () => {
      await session(
        ['PIPELINING'],
        async (peer) => {
          assert.deepEqual(await lines(peer, 3), group);
          peer.say(...replies);
          if (reset) await peer.on('RSET', '250 Ok');
          await peer.take();
          await peer.gone();
        },
        async (connection) => {
          assert.equal(summary(await connection.send(testMail)), result);
          assert.equal(summary(await connection.send(testMail)), 'delivered 250');
        },
      );
    });

    it(`${where}, command by command: no further command of it is said`, async () => {
      await session(
        [],
        async (peer) => {
          const asked = replies.findIndex((reply) => !reply.startsWith('250'));
          for (const reply of replies.slice(0, asked + 1)) {
            await peer.line();
            peer.say(reply);
          }
          if (reset) await peer.on('RSET', '250 Ok');
          await peer.take();
          await peer.gone();
        },
        async (connection) => {
          assert.equal(summary(await connection.send(testMail)), result);
          assert.equal(summary(await connection.send(testMail)), 'delivered 250');
        },
      );
    });
  }

  it('after its final dot: the next one needs no RSET', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await peer.take('554 5.7.1 Spam');
        await peer.take();
        await peer.gone();
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'refused body 554');
        assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      },
    );
  });

  it('is ended by a lone dot where the server takes DATA without a recipient (RFC 2920 3.1)', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        peer.say('250 Ok', '550 5.1.1 Unknown', '354 Go ahead');
        assert.equal(await peer.line(), '.');
        peer.say('554 No recipients');
        await peer.take();
        await peer.gone();
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'refused rcpt 550');
        assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      },
    );
  });

  it('becomes no empty mail at a server that refuses the sender and takes all the rest', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        peer.say('550 5.7.1 Not you', '250 Ok', '354 Go ahead');
        await peer.gone();
        assert.equal(peer.unread, '');
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'refused mail 550');
        assert.equal(connection.usable, false);
      },
    );
  });

  it('while a large one is still being written: it was certainly not delivered', async () => {
    const data = Buffer.alloc(20_000_000, 'x'.repeat(76).concat('\r\n'));
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        while (peer.unread === '') await new Promise((resolve) => setImmediate(resolve));
        peer.socket.pause();
        peer.say('552 5.3.4 Too big');
      },
      async (connection) => {
        assert.equal(summary(await connection.send({ ...testMail, data })), 'refused body 552');
        assert.equal(connection.usable, false);
      },
    );
  });

  it('right behind the 354: not a byte of it is sent', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        peer.say('250 Ok', '250 Ok', '354 Go', '451 4.3.0 Or not');
        await peer.gone();
        assert.equal(peer.unread, '');
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'refused data 451');
        assert.equal(connection.usable, false);
      },
    );
  });
});

describe('421 and closed connections', () => {
  for (const [phase, count, ok] of [
    ['mail', 0, 0],
    ['rcpt', 1, 1],
    ['data', 2, 2],
  ] as const) {
    for (const keywords of [[], ['PIPELINING']]) {
      it(`421 at ${phase}${keywords.length > 0 ? ', pipelined' : ''}: this mail is refused, the connection over`, async () => {
        await session(
          keywords,
          async (peer) => {
            for (let at = 0; at < ok; at++) await peer.on(at === 0 ? 'MAIL' : 'RCPT', '250 Ok');
            await peer.line();
            peer.say('421 4.7.0 Closing');
            peer.socket.end();
          },
          async (connection) => {
            const closed = new Promise((resolve) => connection.onClosed(resolve));
            assert.equal(summary(await connection.send(testMail)), `refused ${phase} 421`);
            assert.equal(connection.usable, false);
            assert.ok(await closed);
            assert.equal(summary(await connection.send(testMail)), 'failed mail ERR_SMTP_CLOSED');
            assert.equal(count, ok);
          },
        );
      });
    }
  }

  it('421 as the answer to the final dot: refused, so nothing is in doubt', async () => {
    await session(
      ['PIPELINING'],
      (peer) => peer.take('421 4.3.2 Shutting down').then(() => undefined),
      async (connection) => assert.equal(summary(await connection.send(testMail)), 'refused body 421'),
    );
  });

  it('421 while idle: whoever holds the connection is told', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await peer.take();
        peer.say('421 4.4.2 Idle too long');
        peer.socket.end();
      },
      async (connection) => {
        const closed = new Promise<Error | null>((resolve) => connection.onClosed(resolve));
        assert.equal(summary(await connection.send(testMail)), 'delivered 250');
        assert.match((await closed)?.message ?? '', /ended the session: 421 Idle too long/);
        assert.equal(connection.usable, false);
      },
    );
  });

  it('a close while idle is told too, also to those who ask later', async () => {
    await session(
      [],
      async (peer) => {
        peer.socket.end();
      },
      async (connection) => {
        const reason = await new Promise<Error | null>((resolve) => connection.onClosed(resolve));
        assert.match(reason?.message ?? '', /closed the connection while it was idle/);
        let again: unknown;
        connection.onClosed((error) => {
          again = error;
        });
        assert.equal(again, reason);
      },
    );
  });

  it('a word without being asked ends the connection', async () => {
    await session(
      [],
      async (peer) => {
        await peer.take();
        peer.say('250 Hello again');
        await peer.gone();
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'delivered 250');
        const reason = await new Promise<Error | null>((resolve) => connection.onClosed(resolve));
        assert.ok(reason !== null && 'code' in reason);
        assert.equal(reason.code, 'ERR_SMTP_PROTOCOL');
      },
    );
  });

  it('lost before the final dot: not delivered; after it: nobody knows', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        peer.say('250 Ok');
        peer.socket.destroy();
      },
      async (connection) =>
        assert.equal(summary(await connection.send(testMail)), 'failed rcpt ERR_SMTP_CLOSED'),
    );
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        await peer.mail();
        peer.socket.destroy();
      },
      async (connection) =>
        assert.equal(summary(await connection.send(testMail)), 'failed body ERR_SMTP_CLOSED dot sent'),
    );
  });

  it('takes the answer that came with the close', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        await peer.mail();
        peer.socket.end('250 2.0.0 Ok\r\n');
      },
      async (connection) => assert.equal(summary(await connection.send(testMail)), 'delivered 250'),
    );
  });

  it('quit says goodbye after what is under way, and does not wait for ever', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await peer.take();
        assert.equal(await peer.line(), 'QUIT');
        await peer.gone();
      },
      async (connection) => {
        const sent = connection.send(testMail);
        const quit = connection.quit();
        assert.equal(connection.ready, false);
        assert.equal(summary(await sent), 'delivered 250');
        await quit;
        await connection.quit();
      },
      { timeouts: { quitMs: 100 } },
    );
  });

  it('destroy fails what is under way', async () => {
    await session(
      ['PIPELINING'],
      (peer) => peer.gone(),
      async (connection) => {
        const sent = connection.send(testMail);
        const closed = new Promise((resolve) => connection.onClosed(resolve));
        connection.destroy();
        assert.equal(summary(await sent), 'failed mail ERR_SMTP_CLOSED');
        assert.equal(await closed, null);
      },
    );
  });
});

describe('Time limits, RFC 5321 4.5.3.2', () => {
  const limits = [
    ['mailMs', 0, 'failed mail'],
    ['rcptMs', 1, 'failed rcpt'],
    ['dataMs', 2, 'failed data'],
    ['bodyMs', 3, 'failed body'],
  ] as const;
  for (const [limit, answered, result] of limits) {
    for (const keywords of [[], ['PIPELINING']]) {
      it(`${limit}${keywords.length > 0 ? ', pipelined' : ''}`, async () => {
        await session(
          keywords,
          async (peer) => {
            const replies = ['250 Ok', '250 Ok', '354 Go'].slice(0, answered);
            for (const reply of replies) {
              await peer.line();
              peer.say(reply);
            }
            await peer.gone();
          },
          async (connection) => {
            const dot = limit === 'bodyMs' ? ' dot sent' : '';
            assert.equal(summary(await connection.send(testMail)), `${result} ERR_SMTP_TIMEOUT${dot}`);
            assert.equal(connection.usable, false);
          },
          { timeouts: { [limit]: 100 } },
        );
      });
    }
  }

  it('a block of a large mail that the network does not take', async () => {
    const data = Buffer.alloc(30_000_000, 'x'.repeat(76).concat('\r\n'));
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        peer.socket.pause();
      },
      async (connection) =>
        assert.equal(summary(await connection.send({ ...testMail, data })), 'failed body ERR_SMTP_TIMEOUT'),
      { timeouts: { blockMs: 300 } },
    );
  });

  it("the mail's own deadline", async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await peer.take();
        await lines(peer, 3);
        peer.say('250 Ok');
        await peer.gone();
      },
      async (connection) => {
        assert.equal(summary(await connection.send({ ...testMail, deadlineMs: 60_000 })), 'delivered 250');
        assert.equal(
          summary(await connection.send({ ...testMail, deadlineMs: 100 })),
          'failed rcpt ERR_SMTP_TIMEOUT',
        );
      },
    );
  });

  it('an idle connection has none', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await peer.take();
        await peer.take();
        await peer.gone();
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'delivered 250');
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.equal(summary(await connection.send(testMail)), 'delivered 250');
      },
      { timeouts: { mailMs: 250, rcptMs: 250, dataMs: 250, bodyMs: 250 } },
    );
  });
});

describe('beforeDot', () => {
  it('runs while the commands are on their way, and the mail waits for it', async () => {
    let allow: () => void = () => undefined;
    const asked: string[] = [];
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        assert.deepEqual(asked, ['asked']);
        peer.say('250 Ok', '250 Ok', '354 Go');
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(peer.unread, '');
        allow();
        await peer.mail();
        peer.say('250 Ok');
        await peer.gone();
      },
      async (connection) => {
        const beforeDot = (): Promise<void> => {
          asked.push('asked');
          return new Promise((resolve) => {
            allow = resolve;
          });
        };
        assert.equal(summary(await connection.send(testMail, { beforeDot })), 'delivered 250');
      },
    );
  });

  it('may have nothing to wait for', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await peer.take();
        await peer.gone();
      },
      async (connection) =>
        assert.equal(
          summary(await connection.send(testMail, { beforeDot: () => undefined })),
          'delivered 250',
        ),
    );
  });

  const failing = {
    rejects: () => Promise.reject(new Error('no journal')),
    throws: () => {
      throw new Error('no journal');
    },
  };
  for (const [how, beforeDot] of Object.entries(failing)) {
    it(`that ${how} keeps the mail from being delivered`, async () => {
      await session(
        ['PIPELINING'],
        async (peer) => {
          await letBegin(peer);
          await peer.gone();
          assert.equal(peer.unread, '');
        },
        async (connection) => {
          const result = await connection.send(testMail, { beforeDot });
          assert.match(summary(result), /^failed \w+ ERR_SMTP_WITHHELD$/);
          assert.ok(result.kind === 'failed' && result.error.cause instanceof Error);
          assert.equal(result.error.cause.message, 'no journal');
        },
      );
    });
  }

  it('of a second mail leaves the first one its answer', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        await peer.mail();
        await lines(peer, 3);
        await new Promise((resolve) => setTimeout(resolve, 50));
        peer.say('250 2.0.0 Ok', '250 Ok', '250 Ok', '354 Go');
        await peer.gone();
        assert.equal(peer.unread, '');
      },
      async (connection) => {
        const beforeDot = (): Promise<void> => Promise.reject(new Error('no journal'));
        const results = await Promise.all([
          connection.send(testMail),
          connection.send(testMail, { beforeDot }),
        ]);
        assert.equal(results.map(summary)[0], 'delivered 250');
        assert.match(results.map(summary)[1] ?? '', /^failed \w+ ERR_SMTP_WITHHELD$/);
        assert.equal(connection.usable, false);
      },
    );
  });
});

describe('Two mails at once, RFC 2920 3.1', () => {
  it("the second one's commands travel behind the first one's final dot", async () => {
    const second = { ...testMail, rcptTo: 'c@receiver.test' };
    await session(
      ['PIPELINING'],
      async (peer) => {
        assert.deepEqual(await lines(peer, 3), group);
        assert.equal(peer.unread, '');
        peer.say('250 Ok', '250 Ok', '354 Go');
        await peer.mail();
        assert.deepEqual(await lines(peer, 3), [group[0], 'RCPT TO:<c@receiver.test>', 'DATA']);
        peer.say('250 first', '250 Ok', '250 Ok', '354 Go');
        await peer.mail();
        peer.say('250 second');
        await peer.gone();
      },
      async (connection) => {
        assert.equal(connection.joins, false);
        const first = connection.send(testMail);
        assert.deepEqual([connection.ready, connection.joins], [true, true]);
        const sent = connection.send(second);
        assert.deepEqual([connection.ready, connection.joins], [false, false]);
        await assert.rejects(connection.send(testMail), /busy/);
        const results = await Promise.all([first, sent]);
        assert.deepEqual(
          results.map((result) => (result.kind === 'delivered' ? result.reply.text : result.kind)),
          ['first', 'second'],
        );
        assert.equal(connection.deliveries, 2);
      },
    );
  });

  it('a third one may come as soon as the first is answered', async () => {
    const count = 200;
    await session(
      ['PIPELINING'],
      async (peer) => {
        for (let at = 0; at < count; at++) {
          const [, rcpt] = await lines(peer, 3);
          const refused = at % 5 === 3;
          peer.say('250 Ok', refused ? '550 5.1.1 No' : '250 Ok', refused ? '503 No' : '354 Go');
          if (refused) {
            await peer.on('RSET', '250 Ok');
            continue;
          }
          await peer.mail();
          peer.say(`250 ${rcpt}`);
        }
        await peer.gone();
      },
      async (connection) => {
        const lane = async (begin: number): Promise<number> => {
          let delivered = 0;
          for (let at = begin; at < count; at += 2) {
            const rcptTo = `user${at}@receiver.test`;
            const result = await connection.send({ ...testMail, rcptTo });
            if (result.kind !== 'delivered') continue;
            assert.equal(result.reply.text, `RCPT TO:<${rcptTo}>`);
            delivered++;
          }
          return delivered;
        };
        // The last mail must not be a refused one: its RSET goes out with the next.
        assert.deepEqual(await Promise.all([lane(0), lane(1)]), [80, 80]);
      },
    );
  });

  it('the first one refused: the second goes on behind RSET', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        peer.say('250 Ok', '550 5.1.1 Unknown', '503 No');
        await peer.on('RSET', '250 Ok');
        await peer.take();
        await peer.gone();
      },
      async (connection) => {
        const results = await Promise.all([connection.send(testMail), connection.send(testMail)]);
        assert.deepEqual(results.map(summary), ['refused rcpt 550', 'delivered 250']);
      },
    );
  });

  it('421 at the first: the second was never begun', async () => {
    await session(
      ['PIPELINING'],
      (peer) => peer.take('421 Later').then(() => undefined),
      async (connection) => {
        const results = await Promise.all([connection.send(testMail), connection.send(testMail)]);
        assert.deepEqual(results.map(summary), ['refused body 421', 'failed mail ERR_SMTP_CLOSED']);
      },
    );
  });

  it('lost: only the one whose dot is out is in doubt', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await letBegin(peer);
        await peer.mail();
        await lines(peer, 3);
        peer.socket.destroy();
      },
      async (connection) => {
        const results = await Promise.all([connection.send(testMail), connection.send(testMail)]);
        assert.deepEqual(results.map(summary), [
          'failed body ERR_SMTP_CLOSED dot sent',
          'failed mail ERR_SMTP_CLOSED',
        ]);
        // Each error speaks of its own mail, and no reply of another one is taken for its answer.
        assert.deepEqual(
          results.map((result) => result.kind === 'failed' && [result.error.phase, result.error.reply]),
          [
            ['body', undefined],
            ['mail', undefined],
          ],
        );
      },
    );
  });
});

describe('A server out of its mind', () => {
  const answers: Record<string, readonly string[]> = {
    '354 to MAIL': ['354 Go'],
    '354 to RCPT': ['250 Ok', '354 Go'],
    '250 to DATA': ['250 Ok', '250 Ok', '250 Ok'],
    'two answers to DATA': ['250 Ok', '250 Ok', '354 Go', '354 Go'],
    'an answer to the mail before it was sent': ['250 Ok', '250 Ok', '354 Go', '250 Ok: queued'],
    'words that are no reply': ['What?'],
    'two codes in one reply': ['250-a', '550 b'],
  };
  for (const [name, replies] of Object.entries(answers)) {
    it(`is not trusted: ${name}`, async () => {
      await session(
        ['PIPELINING'],
        async (peer) => {
          await lines(peer, 3);
          peer.say(...replies);
          await peer.gone();
        },
        async (connection) => {
          const result = await connection.send(testMail);
          assert.match(summary(result), /^failed \w+ ERR_SMTP_PROTOCOL$/);
          assert.equal(connection.usable, false);
        },
      );
    });
  }

  it('is not trusted: RSET refused', async () => {
    await session(
      ['PIPELINING'],
      async (peer) => {
        await lines(peer, 3);
        peer.say('250 Ok', '550 No', '503 No');
        await peer.on('RSET', '500 What?');
        await peer.gone();
      },
      async (connection) => {
        assert.equal(summary(await connection.send(testMail)), 'refused rcpt 550');
        assert.equal(summary(await connection.send(testMail)), 'failed rset ERR_SMTP_PROTOCOL');
      },
    );
  });
});
