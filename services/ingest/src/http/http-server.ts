/** The HTTP API: routes, the document that describes them, and what holds for all of them. */
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance } from 'fastify';
import { apiDocument, completed } from './api-document.ts';
import { addControlRoutes, type ControlRoutes } from './control-routes.ts';
import { addHealthRoutes, type HealthRoutes } from './health-routes.ts';
import { JsonBody, parseJson } from './json-body.ts';
import { addMessageRoutes, type MessageRoutes } from './message-routes.ts';
import { answerWithProblems, type FailureLog } from './problems.ts';
import { observeRequests } from './request-span.ts';
import { addSuppressionListRoutes, type SuppressionListRoutes } from './suppression-list-routes.ts';
import { addSuppressionRoutes } from './suppression-routes.ts';
import { addTemplateRoutes, type TemplateRoutes } from './template-routes.ts';

/** A connection on which nothing moves for so long is closed, ms. */
const idleMs = 120_000;

export interface HttpServerOptions {
  readonly messages: MessageRoutes;
  readonly templates: TemplateRoutes;
  readonly suppressions: SuppressionListRoutes;
  readonly controls: ControlRoutes;
  readonly health: HealthRoutes;
  readonly log: FailureLog;
}

const parseBodies = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      const body = String(text);
      done(null, new JsonBody(body, parseJson(body)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
  app.addContentTypeParser(
    ['application/x-ndjson', 'application/jsonl', 'text/csv'],
    (_request, payload, done) => {
      done(null, payload);
    },
  );
};

/** The application, not yet listening. */
export const createHttpServer = async (options: HttpServerOptions): Promise<FastifyInstance> => {
  const app = Fastify({
    logger: false,
    bodyLimit: 1_048_576,
    connectionTimeout: idleMs,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 500 },
    // Bodies are checked by the handlers, which say what is wrong in our words; answers are built by us.
    schemaErrorFormatter: (errors) => new Error(errors.map(({ message }) => message).join('; ')),
  });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  parseBodies(app);
  answerWithProblems(app, options.log);
  observeRequests(app);
  await app.register(swagger, { openapi: apiDocument, transformObject: completed });
  addMessageRoutes(app, options.messages);
  addTemplateRoutes(app, options.templates);
  addSuppressionRoutes(app, options.suppressions);
  addSuppressionListRoutes(app, options.suppressions);
  addControlRoutes(app, options.controls);
  addHealthRoutes(app, options.health);
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  return app;
};
