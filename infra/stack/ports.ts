/** Finds free ports, and says who holds one that is taken. */
import { createServer } from 'node:net';
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

/** `count` ports on loopback that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const ports = servers.map(({ port }) => port);
  await Promise.all(servers.map(({ close }) => close()));
  return ports;
}

function tryBind(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function listenAnywhere(): Promise<{ port: number; close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') {
        reject(new Error('a TCP server has no port'));
        return;
      }
      resolve({ port: address.port, close: () => new Promise((done) => server.close(() => done())) });
    });
  });
}
