/** /healthz: the process runs. /readyz: it does its work. /metrics: for Prometheus. */
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** What the service says of itself. */
export interface Readiness {
  readonly ready: boolean;
  /** `starting`, `ready`, `waiting for Kafka` ... */
  readonly status: string;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly readiness: () => Promise<Readiness>;
  readonly serveMetrics: (request: IncomingMessage, response: ServerResponse) => void;
  /** Gets `{"url": ...}` while this listens. */
  readonly file?: string | undefined;
}

export interface HealthServer {
  /** `http://host:port`. */
  readonly url: string;
  stop(): Promise<void>;
}

const sendJson = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
};

/** Listens; rejects as `listen` does (EADDRINUSE). */
export const startHealthServer = async (options: HealthServerOptions): Promise<HealthServer> => {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return sendJson(response, 200, { status: 'ok' });
      case '/readyz': {
        const { ready, status } = await options.readiness();
        return sendJson(response, ready ? 200 : 503, { status });
      }
      case '/metrics':
        return options.serveMetrics(request, response);
      default:
        return sendJson(response, 404, { error: 'There are /healthz, /readyz and /metrics.' });
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => sendJson(response, 500, { error: String(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port }, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  if (options.file) writeFileSync(options.file, `${JSON.stringify({ url })}\n`);
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        if (options.file) rmSync(options.file, { force: true });
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
