/** `/v1/suppressions/{address}`: addresses and whole domains that a tenant must not send to. */
import { streams } from '@millrace/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { compileCheck } from '../body-check.ts';
import type { Keyring, Scope } from '../keyring.ts';
import { invalidRequest, ProblemError, type ProblemKind } from '../problem.ts';
import type { Spine } from '../spine.ts';
import type { SuppressionList } from '../suppression-list.ts';
import { longestList, suppressedAddress, suppressionOrder } from '../suppression-order.ts';
import type { SuppressionWriter } from '../suppression-writer.ts';
import { callerOf, requireScopes } from './authentication.ts';
import { JsonBody } from './json-body.ts';
import { queryOf } from './query.ts';
import { responses, SuppressionBody, SuppressionSchema } from './schemas.ts';

export interface SuppressionRoutes {
  readonly keyring: Keyring;
  readonly list: SuppressionList;
  readonly spine: Spine;
  readonly writer: SuppressionWriter;
}

const checkBody = compileCheck(SuppressionBody);
export const readSuppressions: readonly Scope[] = ['suppressions:read', 'suppressions:write'];
export const writeSuppressions: readonly Scope[] = ['suppressions:write'];
const common: readonly ProblemKind[] = [
  'unauthenticated',
  'insufficient-scope',
  'invalid-request',
  'unavailable',
];

export const AddressParams = Type.Object({
  address: Type.String({
    description: 'An address, or `@example.com` for a whole domain; URL-encoded',
    maxLength: 400,
  }),
});

const listParameter = Type.Optional(
  Type.String({
    description: 'Only on this list (a category), or `*`: on every list. Default: in general',
    maxLength: longestList,
  }),
);

/** The address in the path as it was written. */
const givenAddress = ({ params }: FastifyRequest): string =>
  typeof params === 'object' && params !== null && 'address' in params ? String(params.address) : '';

/** The one spelling of the address in the path. Throws ProblemError. */
export const addressOf = (request: FastifyRequest): string => {
  const found = suppressedAddress(givenAddress(request));
  if (found.kind === 'wrong') throw invalidRequest([{ field: 'address', message: found.text }]);
  return found.address;
};

const bodyOf = (request: FastifyRequest): Static<typeof SuppressionBody> => {
  if (!(request.body instanceof JsonBody)) return {};
  const checked = checkBody(request.body.value);
  if (checked.kind === 'wrong') throw invalidRequest(checked.errors);
  return checked.value;
};

const documented = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: ['suppressions'],
  security: [{ api_key: [] }],
  params: AddressParams,
});

export const addSuppressionRoutes = (app: FastifyInstance, routes: SuppressionRoutes): void => {
  const { keyring, list, spine, writer } = routes;

  app.put('/v1/suppressions/:address', {
    ...requireScopes(keyring, writeSuppressions),
    schema: {
      ...documented('putSuppression', 'Never send to an address or a domain'),
      description:
        'Holds for messages that are routed from now on, and for those of the batch stream that wait. The body may be left out.',
      body: SuppressionBody,
      response: responses({ status: 200, description: 'Suppressed', schema: SuppressionSchema }, [
        ...common,
        'malformed-json',
        'too-large',
        'unsupported-media-type',
      ]),
    },
    handler: async (request) => {
      const { tenant, keyId } = callerOf(request);
      const fields = { ...bodyOf(request), address: givenAddress(request) };
      const order = suppressionOrder(tenant, fields, keyId, Date.now());
      if (order.kind === 'wrong') throw invalidRequest(order.errors);
      const { suppression } = order;
      await writer.add(suppression);
      return {
        address: suppression.address,
        reason: suppression.reason,
        streams: suppression.streams.length === 0 ? [...streams] : suppression.streams,
        list: suppression.list,
      };
    },
  });

  app.get('/v1/suppressions/:address', {
    ...requireScopes(keyring, readSuppressions),
    schema: {
      ...documented('getSuppression', 'Whether an address is suppressed'),
      description:
        'An address is also suppressed when its whole domain is. With a list: whether a message of that list is suppressed.',
      querystring: Type.Object({ list: listParameter }),
      response: responses({ status: 200, description: 'Suppressed', schema: SuppressionSchema }, [
        ...common,
        'not-found',
      ]),
    },
    handler: async (request) => {
      const { tenant } = callerOf(request);
      const address = addressOf(request);
      const of = queryOf(request, 'list') ?? null;
      spine.producer();
      const found = list.find(tenant, address, of, Date.now());
      if (found === undefined) throw new ProblemError('not-found', `${address} is not suppressed`);
      return { address, ...found, list: of };
    },
  });

  app.delete('/v1/suppressions/:address', {
    ...requireScopes(keyring, writeSuppressions),
    schema: {
      ...documented('deleteSuppression', 'Allow an address or a domain again'),
      description: 'Of what applies to one list only that is undone which names the list.',
      querystring: Type.Object({
        list: listParameter,
        note: Type.Optional(Type.String({ description: 'Why, for people', maxLength: 1_000 })),
        author: Type.Optional(
          Type.String({ description: 'Who; default: the id of the API key', maxLength: 100 }),
        ),
      }),
      response: responses({ status: 204, description: 'Not suppressed any more' }, common),
    },
    handler: async (request, reply) => {
      const { tenant, keyId } = callerOf(request);
      const removal = {
        tenant,
        address: addressOf(request),
        list: queryOf(request, 'list') ?? null,
        author: queryOf(request, 'author') ?? keyId,
        note: queryOf(request, 'note') ?? null,
      };
      await writer.remove(removal, Date.now());
      return reply.code(204).send();
    },
  });
};
