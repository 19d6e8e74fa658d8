/** `POST /v1/messages` and `POST /v1/messages/batch`. */

import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { classifyStream } from '@millrace/core';
import { context } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { batchAnswers, batchLimits } from '../batch-lines.ts';
import { compileCheck } from '../body-check.ts';
import type { Repeatable } from '../idempotency.ts';
import type { KeyRate } from '../key-rate.ts';
import type { Keyring, Scope } from '../keyring.ts';
import { invalidRequest, ProblemError, type ProblemKind } from '../problem.ts';
import { BatchLine, classifiedBy, SendBody } from '../send-body.ts';
import type { Submitter } from '../submitter.ts';
import { callerOf, requireScopes } from './authentication.ts';
import { jsonBodyOf } from './json-body.ts';
import type { FailureLog } from './problems.ts';
import { inRequestSpan } from './request-span.ts';
import { BatchAnswerSchema, responses, SubmittedSchema } from './schemas.ts';

const sendScopes: readonly Scope[] = ['send', 'send:batch'];
const sendProblems: readonly ProblemKind[] = [
  'malformed-json',
  'unauthenticated',
  'insufficient-scope',
  'sender-not-allowed',
  'idempotency-in-progress',
  'too-large',
  'unsupported-media-type',
  'invalid-request',
  'unknown-template',
  'idempotency-mismatch',
  'rate-limited',
  'unavailable',
];

export interface MessageRoutes {
  readonly keyring: Keyring;
  readonly submitter: Submitter;
  readonly repeatable: Repeatable;
  readonly rate: KeyRate;
  readonly log: FailureLog;
  /** Largest JSON body, bytes. */
  readonly maxBodyBytes: number;
}

const checkBody = compileCheck(SendBody);

const idempotencyKeyOf = (request: FastifyRequest): string | null => {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  if (typeof header === 'string' && /^[!-~]{1,255}$/.test(header)) return header;
  throw invalidRequest([
    { field: 'Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' },
  ]);
};

const sendOne = (routes: MessageRoutes) => async (request: FastifyRequest, reply: FastifyReply) => {
  const caller = callerOf(request);
  const idempotencyKey = idempotencyKeyOf(request);
  const json = jsonBodyOf(request);
  const checked = checkBody(json.value);
  if (checked.kind === 'wrong') throw invalidRequest(checked.errors);
  const body = checked.value;
  const { stream } = classifyStream(classifiedBy(body), caller.facts.policy);
  const attributes = { 'millrace.stream': stream, 'millrace.tenant': caller.tenant };
  const answer = await inRequestSpan(request, attributes, () =>
    routes.repeatable.run(
      { caller, via: 'http', idempotencyKey, bodyHash: () => hash('sha256', json.text, 'hex') },
      async (submission) => {
        await routes.rate.takeOrRefuse(caller, body.to.length);
        return routes.submitter.submit(body, submission);
      },
    ),
  );
  if (idempotencyKey !== null) reply.header('idempotency-status', answer.status);
  return reply.code(202).send(answer.submitted);
};

const sendBatch = (routes: MessageRoutes) => async (request: FastifyRequest, reply: FastifyReply) => {
  const caller = callerOf(request);
  if (!(request.body instanceof Readable)) {
    throw new ProblemError('unsupported-media-type', 'Send the lines as application/x-ndjson');
  }
  const linkTo = inRequestSpan(request, { 'millrace.tenant': caller.tenant }, () => context.active());
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const answers = batchAnswers(
    request.body,
    async (body, bodyHash) => {
      const { idempotency_key: idempotencyKey = null } = body;
      const answer = await routes.repeatable.run(
        { caller, via: 'http', idempotencyKey, bodyHash, linkTo },
        async (submission) => {
          await routes.rate.takeOrWait(caller, body.to.length, gone.signal);
          return routes.submitter.submit(body, submission);
        },
      );
      return answer.submitted;
    },
    {
      signal: gone.signal,
      onInternal: (error) => routes.log.error({ err: error, key: caller.keyId }, 'A line of a batch failed'),
    },
  );
  return reply.type('application/x-ndjson').send(Readable.from(answers, { objectMode: true }));
};

/** Adds the routes that take messages. */
export const addMessageRoutes = (app: FastifyInstance, routes: MessageRoutes): void => {
  const authenticated = requireScopes(routes.keyring, sendScopes);
  app.post('/v1/messages', {
    ...authenticated,
    bodyLimit: routes.maxBodyBytes,
    schema: {
      operationId: 'sendMessage',
      summary: 'Send one content to one or many recipients',
      description:
        'Answers 202 when Kafka has the request with acks=all. Each recipient gets a message of its own. With an ' +
        'Idempotency-Key the same request can be repeated: the stored answer is given again (Idempotency-Status: ' +
        'replayed). While Redis is away requests with a key are accepted unchecked (Idempotency-Status: unchecked).',
      tags: ['messages'],
      security: [{ api_key: [] }],
      headers: {
        type: 'object',
        properties: {
          'idempotency-key': {
            type: 'string',
            pattern: '^[!-~]{1,255}$',
            description: 'Your name for this request: a repetition with the same body sends nothing twice',
          },
        },
      },
      body: SendBody,
      response: responses({ status: 202, description: 'Accepted', schema: SubmittedSchema }, sendProblems),
    },
    handler: sendOne(routes),
  });
  app.post('/v1/messages/batch', {
    ...authenticated,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    schema: {
      operationId: 'sendBatch',
      summary: 'Send a stream of messages, one JSON object a line',
      description:
        `A line is the body of POST /v1/messages, with an optional idempotency_key; at most ${batchLimits.lineBytes} ` +
        'bytes. The stream may be of any length. Answers come as NDJSON while lines are still read, one for each ' +
        'line that is not empty, in order: read them while you write. A wrong line gets a problem and the next is ' +
        "read. A line waits while the key's rate is exceeded.",
      tags: ['messages'],
      security: [{ api_key: [] }],
      consumes: ['application/x-ndjson'],
      body: { content: { 'application/x-ndjson': { schema: BatchLine } } },
      response: responses(
        {
          status: 200,
          description: 'An answer a line',
          type: 'application/x-ndjson',
          schema: BatchAnswerSchema,
        },
        ['unauthenticated', 'insufficient-scope', 'unsupported-media-type'],
      ),
    },
    handler: sendBatch(routes),
  });
};
