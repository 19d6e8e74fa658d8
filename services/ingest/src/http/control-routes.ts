/** `/v1/controls`: what operators and automation change while everything runs. */
import { type Control, controlKey, controlRecord, topics } from '@millrace/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { compileCheck } from '../body-check.ts';
import type { ControlList } from '../control-list.ts';
import {
  controlOf,
  type KnownNames,
  type Ordered,
  operatorKinds,
  targetOf,
  undoableKinds,
} from '../control-order.ts';
import type { Keyring, Scope } from '../keyring.ts';
import { invalidRequest, ProblemError, type ProblemKind } from '../problem.ts';
import { asProblem, type Spine } from '../spine.ts';
import { callerOf, requireScopes } from './authentication.ts';
import { ControlBody, ControlListSchema, ControlSchema, shownControl } from './control-schemas.ts';
import { jsonBodyOf } from './json-body.ts';
import { responses } from './schemas.ts';

export interface ControlRoutes {
  readonly keyring: Keyring;
  readonly list: ControlList;
  readonly spine: Spine;
  readonly names: KnownNames;
  /** Writes down who changed what. */
  readonly log: { info(details: object, text: string): void };
}

const checkBody = compileCheck(ControlBody);
const read: readonly Scope[] = ['control:read', 'control:write'];
const write: readonly Scope[] = ['control:write'];
const common: readonly ProblemKind[] = ['unauthenticated', 'insufficient-scope', 'unavailable'];
const named: readonly ProblemKind[] = [...common, 'invalid-request'];

const TargetParams = Type.Object({
  kind: Type.String({
    description: `${operatorKinds.join(', ')}; set by automation: cap, adaptive, warmup`,
    maxLength: 20,
  }),
  scope: Type.String({
    description:
      'lane:STREAM/ISP/SOURCE, isp:STREAM/ISP, source:NAME, pool:NAME, tenant:NAME, campaign:TENANT/NAME, domain:NAME, sender:STREAM/DOMAIN; of kind hold warmup:SOURCE, of kind shaping shaping; URL-encoded',
    maxLength: 500,
  }),
});

const right = <T>(ordered: Ordered<T>): T => {
  if (ordered.kind === 'wrong') throw invalidRequest(ordered.errors);
  return ordered.value;
};

const parameter = ({ params }: FastifyRequest, name: string): string =>
  typeof params === 'object' && params !== null ? String(Reflect.get(params, name) ?? '') : '';

const documented = (operationId: string, summary: string) => ({
  operationId,
  summary,
  tags: ['controls'],
  security: [{ api_key: [] }],
});

export const addControlRoutes = (app: FastifyInstance, routes: ControlRoutes): void => {
  const { keyring, list, spine, names, log } = routes;
  const target = (request: FastifyRequest, kinds: Parameters<typeof targetOf>[2]) =>
    right(targetOf(parameter(request, 'kind'), parameter(request, 'scope'), kinds));

  const failed = (error: unknown): never => {
    throw asProblem(error);
  };
  const set = async (control: Control): Promise<void> => {
    const value = controlRecord(control);
    await spine.producer().send('ControlState', topics.control, { key: control.key, value }).catch(failed);
    list.apply(control.key, value);
  };

  app.get('/v1/controls', {
    ...requireScopes(keyring, read),
    schema: {
      ...documented('listControls', 'Everything that is in force'),
      response: responses({ status: 200, description: 'Controls', schema: ControlListSchema }, common),
    },
    handler: async () => {
      spine.producer();
      return { controls: list.list(Date.now()).map((control) => shownControl(control, false)) };
    },
  });

  app.get('/v1/controls/:kind/:scope', {
    ...requireScopes(keyring, read),
    schema: {
      ...documented('getControl', 'One control'),
      params: TargetParams,
      response: responses({ status: 200, description: 'It is in force', schema: ControlSchema }, [
        ...named,
        'not-found',
      ]),
    },
    handler: async (request) => {
      const { kind, scope } = target(request, [...undoableKinds, 'warmup']);
      spine.producer();
      const found = list.find(kind, scope, Date.now());
      if (found === undefined) throw new ProblemError('not-found', `There is no ${kind} of this scope`);
      return shownControl(found, true);
    },
  });

  app.put('/v1/controls/:kind/:scope', {
    ...requireScopes(keyring, write),
    schema: {
      ...documented('putControl', 'Suspend, limit, drop, move, hold a warm-up, or apply a shaping file'),
      description:
        'Every worker follows within a second. It replaces the control of the same kind and scope. Controls are the whole installation’s: give the scope control:write to operators only.',
      params: TargetParams,
      body: ControlBody,
      response: responses({ status: 200, description: 'It is in force', schema: ControlSchema }, [
        ...named,
        'malformed-json',
        'too-large',
        'unsupported-media-type',
      ]),
    },
    handler: async (request) => {
      const { keyId } = callerOf(request);
      const { kind, scope } = target(request, operatorKinds);
      const body = right(checkBody(jsonBodyOf(request).value));
      const control = right(controlOf({ kind, scope, body, caller: keyId, now: Date.now() }, names));
      await set(control);
      const { key, author, reason, until } = control;
      log.info({ control: key, author, reason, until, api_key: keyId }, 'A control was set');
      return shownControl(control, true);
    },
  });

  app.delete('/v1/controls/:kind/:scope', {
    ...requireScopes(keyring, write),
    schema: {
      ...documented('deleteControl', 'Undo a control'),
      description: 'Also what automation has set. Nothing happens where there is none.',
      params: TargetParams,
      response: responses({ status: 204, description: 'It is not in force any more' }, named),
    },
    handler: async (request, reply) => {
      const { keyId } = callerOf(request);
      const { kind, scope } = target(request, undoableKinds);
      const key = controlKey(kind, scope);
      await spine.producer().sendTombstone(topics.control, key).catch(failed);
      list.apply(key, null);
      log.info({ control: key, api_key: keyId }, 'A control was undone');
      return reply.code(204).send();
    },
  });
};
