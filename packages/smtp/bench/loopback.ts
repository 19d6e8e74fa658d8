/**
 * CPU of the client for a mail of 10 KB on loopback, in the clear and under TLS, one mail at a time on a connection and
 * two: `node packages/smtp/bench/loopback.ts [MAILS]`. The server runs in a process of its own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { connectSmtp, type SmtpConnection, type TlsPolicy } from '../src/index.ts';

const mails = Number(process.argv[2] ?? 20_000);
const connections = 20;
const line = `${'The quick brown fox jumps over the lazy dog, and back again. '.slice(0, 60)}abcdefghijklmn\r\n`;
const data = Buffer.from(`Subject: bench\r\nFrom: a@sender.test\r\n\r\n${line.repeat(134)}`);

const sink = fork(join(import.meta.dirname, 'sink.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const [port] = (await once(sink, 'message')) as [number];

async function run(tls: TlsPolicy, depth: number): Promise<void> {
  const open: SmtpConnection[] = await Promise.all(
    Array.from({ length: connections }, () =>
      connectSmtp({
        host: 'sink.test',
        address: '127.0.0.1',
        port,
        ehloName: 'client.test',
        tls,
        loopbackOnly: true,
      }),
    ),
  );
  let left = mails;
  let delivered = 0;
  const lane = async (connection: SmtpConnection): Promise<void> => {
    while (left > 0) {
      left--;
      const result = await connection.send(
        {
          mailFrom: `bounce+${left}@sender.test`,
          rcptTo: `user${left}@receiver.test`,
          data,
          smtpUtf8: false,
          eightBit: false,
        },
        {},
      );
      if (result.kind === 'delivered') delivered++;
      else throw new Error(JSON.stringify(result));
    }
  };
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await Promise.all(open.flatMap((connection) => Array.from({ length: depth }, () => lane(connection))));
  const wallMs = performance.now() - begin;
  const used = process.cpuUsage(cpu);
  await Promise.all(open.map((connection) => connection.quit()));
  const perMail = (used.user + used.system) / 1_000 / delivered;
  console.log(
    `${tls === 'disabled' ? 'clear' : 'TLS  '} depth ${depth}: ${perMail.toFixed(4)} ms CPU a mail ` +
      `(user ${(used.user / 1_000 / delivered).toFixed(4)}, system ${(used.system / 1_000 / delivered).toFixed(4)}), ` +
      `${Math.round((delivered * 1_000) / wallMs)}/s, ${data.length} bytes`,
  );
}

for (let round = 0; round < 2; round++) {
  for (const tls of ['disabled', 'required'] as const) for (const depth of [1, 2]) await run(tls, depth);
}
sink.disconnect();
