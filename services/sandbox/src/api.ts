import { Readable } from 'node:stream';
import fastify, { type FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Arrivals } from './arrivals.ts';
import { type Behaviour, BehaviourError } from './behaviour.ts';
import { ispDefinitions } from './isps.ts';
import { lateWords } from './later/late-answer.ts';
import { magicWords } from './magic-recipient.ts';
import type { MessageQuery, MessageStore } from './message-store.ts';
import type { Sandbox } from './options.ts';
import { pageRoutes } from './page-routes.ts';
import { problem } from './problem.ts';
import { type Zone, ZoneError, zoneRecordTypes } from './zone.ts';

/** What the API shows and changes. */
export interface ApiSubject extends Omit<Sandbox, 'stop' | 'httpPort' | 'url' | 'behave'> {
  /** Parses the change, so it takes whatever the client sent. */
  behave(isp: string, behaviour: unknown): Promise<void>;
  readonly zone: Zone;
  readonly store: MessageStore;
  readonly arrivals: Arrivals;
  readonly behaviourNames: readonly string[];
  behaviourOf(name: string): Behaviour | undefined;
}

const maxWaitMs = 120_000;

const MessagesQuery = Type.Object(
  {
    to: Type.Optional(Type.String({ minLength: 1 })),
    from: Type.Optional(Type.String()),
    isp: Type.Optional(Type.String({ minLength: 1 })),
    since: Type.Optional(Type.Number()),
    search: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: maxWaitMs })),
    min: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    raw: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const DnsBody = Type.Object(
  {
    records: Type.Array(
      Type.Object(
        {
          type: Type.Union(zoneRecordTypes.map((type) => Type.Literal(type))),
          value: Type.String(),
          ttl: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

/** Starts the page and the HTTP API. */
export async function startApi(
  subject: ApiSubject,
  listen: { readonly host: string; readonly port: number },
): Promise<{ port: number; url: string; stop(): Promise<void> }> {
  const app = fastify({ forceCloseConnections: true, ajv: { customOptions: { removeAdditional: false } } });
  const ending = new AbortController();
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const wrong = error instanceof BehaviourError || error instanceof ZoneError;
    const status = wrong ? 422 : (error.statusCode ?? 500);
    return problem(
      reply,
      status,
      error.message,
      wrong && 'problems' in error ? { problems: error.problems } : {},
    );
  });
  app.setNotFoundHandler((request, reply) =>
    problem(reply, 404, `Nothing at ${request.method} ${request.url}`),
  );
  messageRoutes(app, subject, ending.signal);
  behaviourRoutes(app, subject);
  dnsRoutes(app, subject);
  await pageRoutes(app, subject, ending.signal);
  await app.listen({ host: listen.host, port: listen.port });
  const address = app.server.address();
  const port = typeof address === 'object' && address ? address.port : listen.port;
  return {
    port,
    url: `http://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`,
    stop: async () => {
      ending.abort();
      await app.close();
    },
  };
}

function messageRoutes(app: FastifyInstance, subject: ApiSubject, ending: AbortSignal): void {
  app.get<{ Querystring: Static<typeof MessagesQuery> }>(
    '/messages',
    { schema: { querystring: MessagesQuery } },
    async (request, reply) => {
      const { wait_ms: waitMs, raw = true, ...rest } = request.query;
      const query: MessageQuery = waitMs === undefined ? rest : { ...rest, waitMs };
      const gone = new AbortController();
      reply.raw.on('close', () => gone.abort());
      const found = await subject.store.find(query, AbortSignal.any([ending, gone.signal]));
      return { messages: raw ? found : found.map(({ raw: _raw, ...message }) => message) };
    },
  );
  app.get<{ Params: { id: string } }>('/messages/:id', async (request, reply) => {
    const message = subject.store.message(request.params.id);
    return message ?? problem(reply, 404, `No mail ${request.params.id}: it may have been forgotten`);
  });
  app.get<{ Params: { id: string } }>('/messages/:id/raw', async (request, reply) => {
    const source = subject.source(request.params.id);
    if (!source) return problem(reply, 404, `No mail ${request.params.id}: it may have been forgotten`);
    return reply.type('message/rfc822').send(source);
  });
  app.delete('/messages', async (_request, reply) => {
    subject.clear();
    return reply.code(204).send();
  });
  app.get('/answers', async () => ({ answers: subject.answers() }));
  app.get<{ Querystring: { history?: string } }>('/stats', async (request) => {
    const stats = subject.stats();
    if (request.query.history !== 'false') return stats;
    const isps = Object.entries(stats.isps).map(([name, isp]) => {
      const sources = Object.entries(isp.sources).map(([address, source]) => {
        const { last_seconds: _history, ...rest } = source;
        return [address, rest] as const;
      });
      return [name, { ...isp, sources: Object.fromEntries(sources) }] as const;
    });
    return { ...stats, isps: Object.fromEntries(isps) };
  });
  app.get<{ Querystring: { after?: string } }>('/arrivals', async (request, reply) => {
    const lines = function* () {
      for (const arrival of subject.arrivals.list(Number(request.query.after ?? 0))) {
        yield `${JSON.stringify(arrival)}\n`;
      }
    };
    return reply.type('application/x-ndjson').send(Readable.from(lines()));
  });
}

function behaviourRoutes(app: FastifyInstance, subject: ApiSubject): void {
  app.get('/behaviour', async () =>
    Object.fromEntries(subject.behaviourNames.map((name) => [name, subject.behaviourOf(name)])),
  );
  app.get<{ Params: { isp: string } }>('/behaviour/:isp', async (request) => {
    return subject.behaviourOf(request.params.isp);
  });
  app.put<{ Params: { isp: string } }>('/behaviour/:isp', async (request) => {
    await subject.behave(request.params.isp, request.body);
    return subject.behaviourOf(request.params.isp);
  });
  app.delete<{ Params: { isp: string } }>('/behaviour/:isp', async (request) => {
    await subject.resetBehaviour(request.params.isp);
    return subject.behaviourOf(request.params.isp);
  });
  app.delete('/behaviour', async (_request, reply) => {
    await subject.resetBehaviour();
    return reply.code(204).send();
  });
}

function dnsRoutes(app: FastifyInstance, subject: ApiSubject): void {
  app.get<{ Params: { name: string } }>('/dns/:name', async (request) => ({
    records: subject.zone.recordsOf(request.params.name),
  }));
  app.put<{ Params: { name: string }; Body: Static<typeof DnsBody> }>(
    '/dns/:name',
    { schema: { body: DnsBody } },
    async (request) => {
      const { name } = request.params;
      subject.zone.publish(request.body.records.map((record) => ({ ...record, name })));
      return { records: subject.zone.recordsOf(name) };
    },
  );
  app.delete<{ Params: { name: string } }>('/dns/:name', async (request, reply) => {
    subject.zone.remove(request.params.name);
    return reply.code(204).send();
  });
  app.get('/about', async () => ({
    smtp_port: subject.smtpPort,
    dns_server: subject.dnsServer,
    magic_recipients: { ...magicWords, ...lateWords },
    isps: ispDefinitions.map((isp) => ({
      name: isp.name,
      group: isp.group,
      hosts: isp.hosts,
      domains: Object.keys(isp.domains),
    })),
  }));
  app.get('/ca.pem', async (_request, reply) => reply.type('application/x-pem-file').send(subject.ca));
}
