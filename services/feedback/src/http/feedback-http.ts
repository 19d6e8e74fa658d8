/** HTTP: one-click unsubscription (RFC 8058), its page for people, and POST /v1/reports. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { everyList } from '@millrace/core';
import { readUnsubscribeToken, type Unsubscribe } from '@millrace/message';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { spelled } from '../decide.ts';
import type { ReportIntake } from '../report-intake.ts';
import type { FeedbackSettings } from '../settings.ts';
import type { SuppressionBook } from '../suppression-book.ts';
import { unavailablePage, unknownLinkPage, unsubscribePage } from './unsubscribe-page.ts';

export interface FeedbackHttpOptions {
  readonly config: Pick<FeedbackSettings, 'tenants' | 'unsubscribe' | 'feedback'>;
  readonly intake: ReportIntake;
  readonly book: SuppressionBook;
  readonly log: { error(details: object, text: string): void };
}

export interface FeedbackHttp {
  readonly port: number;
  stop(): Promise<void>;
}

/** Bodies of the unsubscribe form; nothing larger is read. */
const formBytes = 4_096;
const retryAfterSeconds = 5;

const parameterOf = ({ params }: FastifyRequest, name: string): string =>
  typeof params === 'object' && params !== null ? String(Reflect.get(params, name) ?? '') : '';

/** Fields of `application/x-www-form-urlencoded` or `multipart/form-data` (RFC 8058 3.2 allows both). */
const formOf = ({ body, headers }: FastifyRequest): ReadonlyMap<string, string> => {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : '';
  if (!(headers['content-type'] ?? '').startsWith('multipart/form-data'))
    return new Map(new URLSearchParams(text));
  const fields = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(
    /content-disposition:[^\r\n]*\bname="([^"]{1,64})"[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\n([^\r\n]*)/gi,
  ))
    fields.set(name, value);
  return fields;
};

/** Starts the server; resolves when it listens. */
export const startFeedbackHttp = async (options: FeedbackHttpOptions): Promise<FeedbackHttp> => {
  const { config } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: config.feedback.max_report_bytes,
    routerOptions: { maxParamLength: 4_000 },
    forceCloseConnections: 'idle',
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler(async (error, request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
    if (status < 500) return reply.code(status).type('text/plain').send('The request cannot be taken.\n');
    options.log.error({ err: error, route: request.routeOptions.url }, 'A request failed');
    return reply.code(503).header('retry-after', retryAfterSeconds).type('text/html').send(unavailablePage());
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('x-content-type-options', 'nosniff');
    reply.header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    );
  });
  addUnsubscribe(app, options);
  addReports(app, options);
  await app.listen({ host: config.feedback.http.host, port: config.feedback.http.port });
  const address: AddressInfo | string | null = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop: () => app.close(),
  };
};

const addUnsubscribe = (app: FastifyInstance, { config, intake, book }: FeedbackHttpOptions): void => {
  const factsOf = (request: FastifyRequest): Unsubscribe | undefined => {
    const secret = config.unsubscribe?.secret;
    const facts =
      secret === undefined ? undefined : readUnsubscribeToken(parameterOf(request, 'token'), secret);
    return facts !== undefined && Object.hasOwn(config.tenants, facts.tenant) ? facts : undefined;
  };
  const show = (
    reply: FastifyReply,
    { tenant, recipient, list }: Unsubscribe,
    done?: 'unsubscribed' | 'subscribed',
    changed?: string,
  ): FastifyReply => {
    const address = spelled(recipient) ?? recipient;
    const isOn = (of: string): boolean =>
      changed === of ? done === 'unsubscribed' : book.isUnsubscribed(tenant, address, of, Date.now());
    const fromAll = changed === everyList ? done === 'unsubscribed' : isOn(everyList);
    return reply.type('text/html; charset=utf-8').send(
      unsubscribePage({
        recipient,
        list,
        fromAll,
        fromList: fromAll || (list !== null && isOn(list)),
        done,
      }),
    );
  };

  // Scanners and prefetchers follow links: to look changes nothing.
  app.get('/unsubscribe/:token', async (request, reply) => {
    const facts = factsOf(request);
    if (facts === undefined) return reply.code(404).type('text/html').send(unknownLinkPage());
    return show(reply, facts);
  });

  app.post('/unsubscribe/:token', { bodyLimit: formBytes }, async (request, reply) => {
    const facts = factsOf(request);
    if (facts === undefined) return reply.code(404).type('text/html').send(unknownLinkPage());
    const form = formOf(request);
    const token = parameterOf(request, 'token');
    const isOneClick = form.get('List-Unsubscribe') === 'One-Click';
    const choice = isOneClick ? 'unsubscribe' : form.get('choice');
    // The button says which; nothing else may be chosen than what the link is about.
    const list = !isOneClick && form.get('list') === everyList ? everyList : (facts.list ?? everyList);
    if (choice === 'unsubscribe') {
      await intake.takeToken(token, list, request.ip, Date.now());
      if (isOneClick) return reply.type('text/plain').send('You are unsubscribed.\n');
      return show(reply, facts, 'unsubscribed', list);
    }
    if (choice === 'subscribe') {
      const address = spelled(facts.recipient) ?? facts.recipient;
      await book.remove(
        { tenant: facts.tenant, address, list, note: `asked on the page, ${request.ip}` },
        Date.now(),
      );
      return show(reply, facts, 'subscribed', list);
    }
    return reply.code(400).type('text/plain').send('Send List-Unsubscribe=One-Click.\n');
  });
};

const addReports = (app: FastifyInstance, { config, intake }: FeedbackHttpOptions): void => {
  const digests = Object.values(config.tenants).flatMap(({ api_keys }) =>
    api_keys
      .filter(({ scopes }) => scopes.includes('suppressions:write'))
      .map(({ sha256 }) => Buffer.from(sha256, 'hex')),
  );
  const isKnown = (header: string | undefined): boolean => {
    const key = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (key === undefined) return false;
    const given = hash('sha256', key, 'buffer');
    return digests.map((digest) => timingSafeEqual(digest, given)).includes(true);
  };
  app.post('/v1/reports', async (request, reply) => {
    if (!isKnown(request.headers.authorization))
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer realm="millrace"')
        .send({ error: 'Send an API key with the scope suppressions:write.' });
    const { body } = request;
    if (!Buffer.isBuffer(body) || body.length === 0)
      return reply.code(400).send({ error: 'Send the report as it is, as message/rfc822.' });
    const id = await intake.take({ source: 'http', raw: body, remoteAddress: request.ip }, Date.now());
    return reply.code(202).send({ report_id: id });
  });
};
