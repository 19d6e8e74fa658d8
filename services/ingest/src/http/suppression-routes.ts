/** `/v1/suppressions/{address}`: addresses and whole domains that a tenant must not send to. */
import {
  asciiDomain,
  parseAddress,
  streams,
  suppressionAddress,
  suppressionKey,
  topics,
} from '@millrace/core';
import type { Suppression } from '@millrace/schemas';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { compileCheck } from '../body-check.ts';
import type { Keyring, Scope } from '../keyring.ts';
import { parseMoment } from '../moment.ts';
import { invalidRequest, ProblemError, type ProblemKind } from '../problem.ts';
import { asProblem, type Spine } from '../spine.ts';
import type { SuppressionList } from '../suppression-list.ts';
import { callerOf, requireScopes } from './authentication.ts';
import { JsonBody } from './json-body.ts';
import { responses, SuppressionBody, SuppressionSchema } from './schemas.ts';

export interface SuppressionRoutes {
  readonly keyring: Keyring;
  readonly list: SuppressionList;
  readonly spine: Spine;
}

const checkBody = compileCheck(SuppressionBody);
const read: readonly Scope[] = ['suppressions:read', 'suppressions:write'];
const write: readonly Scope[] = ['suppressions:write'];
const common: readonly ProblemKind[] = [
  'unauthenticated',
  'insufficient-scope',
  'invalid-request',
  'unavailable',
];

const AddressParams = Type.Object({
  address: Type.String({
    description: 'An address, or `@example.com` for a whole domain; URL-encoded',
    maxLength: 400,
  }),
});

/** The one spelling of the address in the path. */
const addressOf = (request: FastifyRequest): string => {
  const { params } = request;
  const given =
    typeof params === 'object' && params !== null && 'address' in params ? String(params.address) : '';
  if (given.startsWith('@')) {
    const domain = asciiDomain(given.slice(1));
    if (domain !== undefined) return `@${domain}`;
    throw invalidRequest([{ field: 'address', message: 'the part after the "@" is not a domain name' }]);
  }
  const parsed = parseAddress(given);
  if (parsed.kind === 'address') return suppressionAddress(parsed);
  throw invalidRequest([{ field: 'address', message: parsed.text }]);
};

const bodyOf = (request: FastifyRequest): Static<typeof SuppressionBody> => {
  if (!(request.body instanceof JsonBody)) return {};
  const checked = checkBody(request.body.value);
  if (checked.kind === 'wrong') throw invalidRequest(checked.errors);
  return checked.value;
};

const expiryOf = (text: string | undefined): number | null => {
  if (text === undefined) return null;
  const moment = parseMoment(text);
  if (moment !== undefined && moment > Date.now()) return moment;
  throw invalidRequest([
    { field: 'expires_at', message: 'must be an RFC 3339 date-time that has not passed' },
  ]);
};

const documented = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: ['suppressions'],
  security: [{ api_key: [] }],
  params: AddressParams,
});

export const addSuppressionRoutes = (app: FastifyInstance, routes: SuppressionRoutes): void => {
  const { keyring, list, spine } = routes;

  app.put('/v1/suppressions/:address', {
    ...requireScopes(keyring, write),
    schema: {
      ...documented('putSuppression', 'Never send to an address or a domain'),
      description: 'Holds for messages that are routed from now on. The body may be left out.',
      body: SuppressionBody,
      response: responses({ status: 200, description: 'Suppressed', schema: SuppressionSchema }, [
        ...common,
        'malformed-json',
        'too-large',
        'unsupported-media-type',
      ]),
    },
    handler: async (request) => {
      const { tenant } = callerOf(request);
      const address = addressOf(request);
      const body = bodyOf(request);
      const suppression: Suppression = {
        tenant,
        address,
        reason: body.reason ?? 'manual',
        streams: body.streams ?? [],
        created_at: Date.now(),
        expires_at: expiryOf(body.expires_at),
        message_id: null,
        note: body.note ?? null,
        list: null,
        author: callerOf(request).keyId,
      };
      const key = suppressionKey(tenant, address);
      await spine
        .producer()
        .send('Suppression', topics.suppressions, { key, value: suppression })
        .catch((error: unknown) => {
          throw asProblem(error);
        });
      list.apply(key, suppression);
      const { reason } = suppression;
      return {
        address,
        reason,
        streams: suppression.streams.length === 0 ? [...streams] : suppression.streams,
      };
    },
  });

  app.get('/v1/suppressions/:address', {
    ...requireScopes(keyring, read),
    schema: {
      ...documented('getSuppression', 'Whether an address is suppressed'),
      description: 'An address is also suppressed when its whole domain is.',
      response: responses({ status: 200, description: 'Suppressed', schema: SuppressionSchema }, [
        ...common,
        'not-found',
      ]),
    },
    handler: async (request) => {
      const { tenant } = callerOf(request);
      const address = addressOf(request);
      spine.producer();
      const found = list.find(tenant, address, null, Date.now());
      if (found === undefined) throw new ProblemError('not-found', `${address} is not suppressed`);
      return { address, ...found };
    },
  });

  app.delete('/v1/suppressions/:address', {
    ...requireScopes(keyring, write),
    schema: {
      ...documented('deleteSuppression', 'Allow an address or a domain again'),
      response: responses({ status: 204, description: 'Not suppressed any more' }, common),
    },
    handler: async (request, reply) => {
      const { tenant } = callerOf(request);
      const key = suppressionKey(tenant, addressOf(request));
      await spine
        .producer()
        .sendTombstone(topics.suppressions, key)
        .catch((error: unknown) => {
          throw asProblem(error);
        });
      list.apply(key, null);
      return reply.code(204).send();
    },
  });
};
