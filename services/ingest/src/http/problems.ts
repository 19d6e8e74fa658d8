/** Turns every error into an `application/problem+json` answer. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { ProblemError } from '../problem.ts';

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const statusOf = (error: unknown): number =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;

/** The problem of an error that fastify or a handler threw. */
export const toProblemError = (error: unknown): ProblemError => {
  if (error instanceof ProblemError) return error;
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ProblemError('too-large', 'The body is larger than is taken', { cause: error });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_INVALID_TYPE':
      return new ProblemError(
        'unsupported-media-type',
        'Send application/json, to the batch route application/x-ndjson, to an import text/csv',
        { cause: error },
      );
    default:
      break;
  }
  const status = statusOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (status >= 400 && status < 500) return new ProblemError('malformed-request', message, { cause: error });
  return new ProblemError('internal', 'The request failed; the log says why', { cause: error });
};

/** Answers with a problem. */
export const sendProblem = (reply: FastifyReply, problem: ProblemError): FastifyReply => {
  // RFC 6750 3.
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="millrace"');
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', String(problem.retryAfterSeconds));
  return reply.code(problem.status).type('application/problem+json').send(problem.toProblem());
};

/** What is logged of failures inside. */
export interface FailureLog {
  error(details: object, text: string): void;
}

/** Installs the handlers of errors and of unknown routes. */
export const answerWithProblems = (app: FastifyInstance, log: FailureLog): void => {
  app.setErrorHandler(async (error, request, reply) => {
    const problem = toProblemError(error);
    if (problem.code === 'internal') {
      log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'A request failed');
    }
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const what = `There is no ${request.method} ${request.url.split('?')[0]}; /openapi.json lists what there is`;
    return sendProblem(reply, new ProblemError('not-found', what));
  });
};
