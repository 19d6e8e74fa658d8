/** One redis-server on loopback, with its append-only file. */
import { mkdirSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { Artifacts } from './artifacts.ts';
import { type Child, startChild } from './child.ts';

export interface RedisOptions {
  readonly directory: string;
  readonly port: number;
  readonly detached: boolean;
  /** Ends the start. */
  readonly signal?: AbortSignal | undefined;
}

/** Starts Redis; resolves when it answers PING. */
export async function startRedis(artifacts: Artifacts, options: RedisOptions): Promise<Child> {
  mkdirSync(options.directory, { recursive: true });
  const child = startChild({
    name: 'Redis',
    command: artifacts.redisServer,
    args: [
      ...['--bind', '127.0.0.1', '--port', String(options.port), '--dir', options.directory],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
      // The journal's buckets stay in their compact form up to this size.
      ...['--hash-max-ziplist-entries', '1024'],
      ...['--maxmemory-policy', 'noeviction', '--loglevel', 'warning'],
      // Keeps the directory in the list of processes.
      ...['--set-proc-title', 'no'],
    ],
    logFile: join(options.directory, 'redis.log'),
    detached: options.detached,
    signal: options.signal,
  });
  await child.untilReady(() => redisAnswers(options.port), 15_000);
  return child;
}

/** True when `PING` is answered by `+PONG`. */
export function redisAnswers(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('data', (reply) => finish(reply.toString().startsWith('+PONG')));
    socket.once('connect', () => socket.write('PING\r\n'));
  });
}
