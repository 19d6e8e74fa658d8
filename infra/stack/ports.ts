/** Finds free ports, and says who holds one that is taken. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { StackPorts } from './embedded-stack.ts';
import { UserError } from './user-error.ts';

/** Throws a UserError (`ERR_PORT_IN_USE`) unless `port` can be bound on `host`. */
export async function assertPortFree(host: string, port: number, owner: string): Promise<void> {
  const problem = await tryBind(host, port);
  if (problem === undefined) return;
  throw new UserError(
    'ERR_PORT_IN_USE',
    problem === 'EADDRINUSE'
      ? `Port ${port} on ${host}, which ${owner} needs, is in use: stop the program that holds it, or choose other ports with MILLRACE_PORT_BASE (for example MILLRACE_PORT_BASE=28400 npm start).`
      : `Port ${port} on ${host}, which ${owner} needs, cannot be bound (${problem}).`,
  );
}

/** Throws a UserError (`ERR_PORT_IN_USE`) unless every port of the embedded stack can be bound. */
export async function assertStackPortsFree(ports: StackPorts): Promise<void> {
  await assertPortFree('127.0.0.1', ports.kafka, 'Kafka');
  await assertPortFree('127.0.0.1', ports.kafkaController, "Kafka's controller");
  await assertPortFree('127.0.0.1', ports.registry, 'the schema registry');
  await assertPortFree('127.0.0.1', ports.redis, 'Redis');
}

/** Random ports are taken from here: below those that the system hands out to whoever connects. */
const freeRange = { from: 20_000, to: 32_000 } as const;

/** `count` different ports that were free a moment ago on each of `hosts`. */
export async function freePorts(count: number, hosts: readonly string[] = ['127.0.0.1']): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > 1_000)
      throw new UserError('ERR_NO_FREE_PORT', `No free port was found on ${hosts.join(', ')}.`);
    const port = randomInt(freeRange.from, freeRange.to);
    if (found.has(port)) continue;
    const problems = await Promise.all(hosts.map((host) => tryBind(host, port)));
    if (problems.every((problem) => problem === undefined)) found.add(port);
  }
  return [...found];
}

function tryBind(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
