/** `/v1/suppressions`: all of a tenant's at once, in and out, as streams; and who changed what. */
import { Readable } from 'node:stream';
import { suppressionKey, topics } from '@millrace/core';
import type { Kafka } from '@millrace/kafka';
import type { Suppression, SuppressionChange } from '@millrace/schemas';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Keyring } from '../keyring.ts';
import { invalidRequest, ProblemError, type ProblemKind } from '../problem.ts';
import { asProblem, type Spine } from '../spine.ts';
import { csvHeading, csvRow, csvRows } from '../suppression-csv.ts';
import type { SuppressionList } from '../suppression-list.ts';
import { suppressionOrder } from '../suppression-order.ts';
import { rowStream } from '../suppression-rows.ts';
import type { SuppressionWriter } from '../suppression-writer.ts';
import { callerOf, requireScopes } from './authentication.ts';
import { queryOf } from './query.ts';
import { ImportedSchema, responses, SuppressionChangeSchema, SuppressionRowSchema } from './schemas.ts';
import { AddressParams, addressOf, readSuppressions, writeSuppressions } from './suppression-routes.ts';

export interface SuppressionListRoutes {
  readonly keyring: Keyring;
  readonly list: SuppressionList;
  readonly spine: Spine;
  readonly writer: SuppressionWriter;
  readonly kafka: Kafka;
}

/** Readings of the whole table at once: each costs memory and the broker's time. */
const readersAtOnce = 2;
/** Rows on their way to Kafka from one import. */
const rowsInFlight = 1_000;
/** Wrong rows that an answer names. */
const namedErrors = 100;
const retryAfterMs = 10_000;

const common: readonly ProblemKind[] = ['unauthenticated', 'insufficient-scope', 'unavailable'];
const dateTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const shownRow = (suppression: Suppression): string =>
  `${JSON.stringify({
    address: suppression.address,
    reason: suppression.reason,
    streams: suppression.streams,
    list: suppression.list,
    created_at: dateTime(suppression.created_at),
    expires_at: dateTime(suppression.expires_at),
    author: suppression.author,
    note: suppression.note,
    message_id: suppression.message_id,
  })}\n`;

const shownChange = (change: SuppressionChange): string =>
  `${JSON.stringify({
    change: change.change,
    time: dateTime(change.time),
    list: change.list,
    reason: change.reason,
    author: change.author,
    note: change.note,
    expires_at: dateTime(change.expires_at),
    message_id: change.message_id,
  })}\n`;

const Filter = Type.Object({
  search: Type.Optional(Type.String({ description: 'Part of the address, in lower case', maxLength: 320 })),
  reason: Type.Optional(Type.String({ description: 'manual, bounce, complaint or unsubscribe' })),
  list: Type.Optional(Type.String({ description: 'Only of this list', maxLength: 100 })),
  limit: Type.Optional(Type.Integer({ description: 'So many at most; default: all', minimum: 1 })),
});

/** Whether a row is asked for. Throws ProblemError. */
const filterOf = (
  request: FastifyRequest,
): { readonly wanted: (suppression: Suppression) => boolean; readonly limit: number } => {
  const search = queryOf(request, 'search')?.toLowerCase();
  const reason = queryOf(request, 'reason');
  const list = queryOf(request, 'list');
  const limit = queryOf(request, 'limit') ?? 'Infinity';
  if (limit !== 'Infinity' && !/^[1-9]\d{0,8}$/.test(limit))
    throw invalidRequest([{ field: 'limit', message: 'must be a whole number from 1' }]);
  const now = Date.now();
  return {
    limit: Number(limit),
    wanted: (one) =>
      (one.expires_at === null || one.expires_at > now) &&
      (search === undefined || one.address.includes(search)) &&
      (reason === undefined || one.reason === reason) &&
      (list === undefined || one.list === list),
  };
};

const documented = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: ['suppressions'],
  security: [{ api_key: [] }],
});

export const addSuppressionListRoutes = (app: FastifyInstance, routes: SuppressionListRoutes): void => {
  const { keyring, list, spine, writer, kafka } = routes;
  let readers = 0;

  const send = (
    request: FastifyRequest,
    reply: FastifyReply,
    type: string,
    format: (suppression: Suppression) => string,
    heading = '',
  ): FastifyReply => {
    const { tenant } = callerOf(request);
    const filter = filterOf(request);
    spine.producer();
    if (readers >= readersAtOnce)
      throw new ProblemError('unavailable', `${readersAtOnce} others read all suppressions just now`, {
        retryAfterMs,
      });
    readers++;
    const rows = rowStream({ kafka, tenant, entries: list.size, ...filter }, format, heading);
    rows.once('close', () => {
      readers--;
    });
    return reply.type(type).send(rows);
  };

  app.get('/v1/suppressions', {
    ...requireScopes(keyring, readSuppressions),
    schema: {
      ...documented('listSuppressions', 'All suppressions, one JSON object a line'),
      description: 'As a stream, in no order. What has expired is left out.',
      querystring: Filter,
      response: responses(
        {
          status: 200,
          description: 'A line each',
          type: 'application/x-ndjson',
          schema: SuppressionRowSchema,
        },
        [...common, 'invalid-request'],
      ),
    },
    handler: async (request, reply) => send(request, reply, 'application/x-ndjson', shownRow),
  });

  app.get('/v1/suppressions.csv', {
    ...requireScopes(keyring, readSuppressions),
    schema: {
      ...documented('exportSuppressions', 'All suppressions as CSV'),
      description: 'As a stream, in no order; it can be imported again.',
      querystring: Filter,
      response: responses(
        { status: 200, description: 'A row each', type: 'text/csv', schema: Type.String() },
        [...common, 'invalid-request'],
      ),
    },
    handler: async (request, reply) => send(request, reply, 'text/csv; charset=utf-8', csvRow, csvHeading),
  });

  app.post('/v1/suppressions.csv', {
    ...requireScopes(keyring, writeSuppressions),
    bodyLimit: Number.MAX_SAFE_INTEGER,
    schema: {
      ...documented('importSuppressions', 'Suppress every address of a CSV file'),
      description:
        'Of any length. The first line names the columns: address, and if wanted reason, streams, list, expires_at, note, ' +
        'author; a file of addresses alone needs none. A wrong row is named in the answer and the others are taken. To ' +
        'import a file again changes nothing but dates.',
      consumes: ['text/csv'],
      body: { content: { 'text/csv': { schema: Type.String() } } },
      response: responses({ status: 200, description: 'Read to the end', schema: ImportedSchema }, [
        ...common,
        'invalid-request',
        'unsupported-media-type',
      ]),
    },
    handler: async (request) => {
      const { tenant, keyId } = callerOf(request);
      spine.producer('batch');
      if (!(request.body instanceof Readable))
        throw new ProblemError('unsupported-media-type', 'Send text/csv');
      let added = 0;
      let refused = 0;
      const errors: { readonly line: number; readonly message: string }[] = [];
      let writing: Promise<void>[] = [];
      for await (const { line, fields } of csvRows(request.body)) {
        const order = suppressionOrder(tenant, fields, keyId, Date.now());
        if (order.kind === 'wrong') {
          refused++;
          const [first] = order.errors;
          if (errors.length < namedErrors && first !== undefined)
            errors.push({ line, message: `${first.field}: ${first.message}` });
          continue;
        }
        writing.push(writer.add(order.suppression));
        added++;
        if (writing.length < rowsInFlight) continue;
        await Promise.all(writing);
        writing = [];
      }
      await Promise.all(writing);
      return { added, refused, errors };
    },
  });

  app.get('/v1/suppressions/:address/changes', {
    ...requireScopes(keyring, readSuppressions),
    schema: {
      ...documented('listSuppressionChanges', 'Who suppressed an address or allowed it again, when and why'),
      description: 'Oldest first, of every list. Changes are kept for 400 days.',
      params: AddressParams,
      response: responses(
        {
          status: 200,
          description: 'A change a line',
          type: 'application/x-ndjson',
          schema: SuppressionChangeSchema,
        },
        [...common, 'invalid-request'],
      ),
    },
    handler: async (request, reply) => {
      const { tenant } = callerOf(request);
      const address = addressOf(request);
      spine.producer();
      return reply.type('application/x-ndjson').send(await changesOf(kafka, suppressionKey(tenant, address)));
    },
  });
};

const changesOf = async (kafka: Kafka, key: string): Promise<string> => {
  const lines: string[] = [];
  const tail = await kafka
    .tail({
      topic: topics.suppressionChanges,
      record: 'SuppressionChange',
      from: 'earliest',
      key,
      onRecord: ({ value }) => {
        lines.push(shownChange(value));
      },
    })
    .catch((error: unknown) => {
      throw asProblem(error);
    });
  try {
    await tail.caughtUp();
  } finally {
    await tail.stop();
  }
  return lines.join('');
};
