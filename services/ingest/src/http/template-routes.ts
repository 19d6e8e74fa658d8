/** `/v1/templates`: stored by version, compiled before they are stored. */
import { templateKey, topics } from '@millrace/core';
import type { Template } from '@millrace/schemas';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { compileCheck } from '../body-check.ts';
import type { Keyring, Scope } from '../keyring.ts';
import { invalidRequest, ProblemError, type ProblemKind } from '../problem.ts';
import { asProblem, type Spine } from '../spine.ts';
import type { TemplateCatalogue } from '../template-catalogue.ts';
import { templateProblems } from '../template-check.ts';
import { isTemplateId, type TemplateVersion } from '../template-index.ts';
import { callerOf, requireScopes } from './authentication.ts';
import { jsonBodyOf } from './json-body.ts';
import { responses, TemplateBody, TemplateListSchema, TemplateSchema } from './schemas.ts';

export interface TemplateRoutes {
  readonly keyring: Keyring;
  readonly catalogue: TemplateCatalogue;
  readonly spine: Spine;
}

interface RouteDocument {
  readonly description?: string;
  readonly params?: TSchema;
  readonly body?: TSchema;
  readonly response: Record<string, unknown>;
}

const checkBody = compileCheck(TemplateBody);
const read: readonly Scope[] = ['templates:read', 'templates:write'];
const write: readonly Scope[] = ['templates:write'];
const common: readonly ProblemKind[] = [
  'unauthenticated',
  'insufficient-scope',
  'invalid-request',
  'unavailable',
];

const IdParams = Type.Object({
  id: Type.String({ description: 'Template id: letters, digits, `.`, `_`, `-`', maxLength: 128 }),
});
const VersionParams = Type.Object({
  ...IdParams.properties,
  version: Type.Integer({ description: 'Version', minimum: 1 }),
});

const parametersOf = (request: FastifyRequest): Readonly<Record<string, string>> => {
  const { params } = request;
  if (typeof params !== 'object' || params === null) return {};
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
};

const idOf = (request: FastifyRequest): string => {
  const { id = '' } = parametersOf(request);
  if (isTemplateId(id)) return id;
  throw invalidRequest([
    { field: 'id', message: 'must be 1 to 128 letters, digits, ".", "_" or "-", not starting with a sign' },
  ]);
};

const notThere = (id: string, version?: number): ProblemError =>
  new ProblemError(
    'not-found',
    `There is no template "${id}"${version === undefined ? '' : ` in version ${version}`}`,
  );

const shown = (template: Template, history: readonly TemplateVersion[]): Static<typeof TemplateSchema> => ({
  id: template.template_id,
  version: template.version,
  language: template.language === 'handlebars' ? 'handlebars' : 'liquid',
  subject: template.subject,
  text: template.text,
  html: template.html,
  headers: Object.fromEntries(template.headers.map(({ name, value }) => [name, value])),
  created_at: new Date(template.created_at).toISOString(),
  versions: history.filter(({ deleted }) => !deleted).map(({ version }) => version),
});

const bodyOf = (request: FastifyRequest): Static<typeof TemplateBody> => {
  const checked = checkBody(jsonBodyOf(request).value);
  if (checked.kind === 'wrong') throw invalidRequest(checked.errors);
  if (checked.value.text === undefined && checked.value.html === undefined) {
    throw invalidRequest([{ field: 'text', message: 'text, html or both are required' }]);
  }
  return checked.value;
};

export const addTemplateRoutes = (app: FastifyInstance, routes: TemplateRoutes): void => {
  const { keyring, catalogue, spine } = routes;
  const documented = (operationId: string, summary: string, more: RouteDocument) => ({
    operationId,
    summary,
    tags: ['templates'],
    security: [{ api_key: [] }],
    ...more,
  });

  /** Writes of one template happen one after the other, each on top of what is in the topic by then. */
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = async <T>(key: string, write: () => Promise<T>): Promise<T> => {
    const before = turns.get(key) ?? Promise.resolve();
    const turn = before.then(write, write);
    turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(key) === turn) turns.delete(key);
    }
  };

  const store = async (template: Template): Promise<Template> => {
    const key = templateKey(template.tenant, template.template_id, template.version);
    await spine.producer().send('Template', topics.templates, { key, value: template });
    catalogue.apply(template);
    return template;
  };

  const current = async (tenant: string, id: string, version?: number): Promise<TemplateVersion> => {
    const known = catalogue.current(tenant, id, version);
    if (known !== undefined) return known;
    spine.producer();
    await catalogue.refresh();
    const found = catalogue.current(tenant, id, version);
    if (found === undefined) throw notThere(id, version);
    return found;
  };

  const show = async (
    tenant: string,
    id: string,
    version?: number,
  ): Promise<Static<typeof TemplateSchema>> => {
    const found = await current(tenant, id, version);
    const template = await catalogue.source(tenant, id, found.version);
    if (template === undefined) throw notThere(id, version);
    return shown(template, catalogue.history(tenant, id));
  };

  app.put('/v1/templates/:id', {
    ...requireScopes(keyring, write),
    schema: documented('putTemplate', 'Store a new version of a template', {
      description:
        'The sources are compiled first; an error names its line and column. Versions count from 1 and stay ' +
        'readable: a message keeps the version that was newest when it was accepted.',
      params: IdParams,
      body: TemplateBody,
      response: responses({ status: 200, description: 'Stored as a new version', schema: TemplateSchema }, [
        ...common,
        'malformed-json',
        'too-large',
        'unsupported-media-type',
        'invalid-template',
        'storage-full',
      ]),
    }),
    handler: async (request) => {
      const { tenant } = callerOf(request);
      const id = idOf(request);
      const body = bodyOf(request);
      spine.producer();
      if (catalogue.isFull) throw new ProblemError('storage-full', 'No more template versions can be kept');
      const draft: Template = {
        tenant,
        template_id: id,
        version: 0,
        language: body.language ?? 'liquid',
        subject: body.subject,
        text: body.text ?? null,
        html: body.html ?? null,
        headers: Object.entries(body.headers ?? {}).map(([name, value]) => ({ name, value })),
        created_at: Date.now(),
        deleted: false,
      };
      const errors = templateProblems(draft);
      if (errors.length > 0) {
        const [first] = errors;
        throw new ProblemError('invalid-template', `${first?.field}: ${first?.message}`, { errors });
      }
      return inTurn(`${tenant}/${id}`, async () => {
        await catalogue.refresh();
        const version = catalogue.newestNumber(tenant, id) + 1;
        const stored = await store({ ...draft, version }).catch((error: unknown) => {
          throw asProblem(error);
        });
        return shown(stored, catalogue.history(tenant, id));
      });
    },
  });

  app.get('/v1/templates', {
    ...requireScopes(keyring, read),
    schema: documented('listTemplates', 'List templates', {
      response: responses({ status: 200, description: 'By id', schema: TemplateListSchema }, [
        'unauthenticated',
        'insufficient-scope',
        'unavailable',
      ]),
    }),
    handler: async (request) => {
      const { tenant } = callerOf(request);
      spine.producer();
      const templates = catalogue.ids(tenant).flatMap((id) => {
        const version = catalogue.current(tenant, id);
        if (version === undefined) return [];
        const created_at = new Date(version.created_at).toISOString();
        return [{ id, version: version.version, language: version.language, created_at }];
      });
      return { templates };
    },
  });

  app.get('/v1/templates/:id', {
    ...requireScopes(keyring, read),
    schema: documented('getTemplate', 'Read the newest version of a template', {
      params: IdParams,
      response: responses({ status: 200, description: 'The newest version', schema: TemplateSchema }, [
        ...common,
        'not-found',
      ]),
    }),
    handler: async (request) => show(callerOf(request).tenant, idOf(request)),
  });

  app.get('/v1/templates/:id/versions/:version', {
    ...requireScopes(keyring, read),
    schema: documented('getTemplateVersion', 'Read one version of a template', {
      params: VersionParams,
      response: responses({ status: 200, description: 'That version', schema: TemplateSchema }, [
        ...common,
        'not-found',
      ]),
    }),
    handler: async (request) => {
      const { version = '' } = parametersOf(request);
      if (!/^[1-9]\d{0,8}$/.test(version)) {
        throw invalidRequest([{ field: 'version', message: 'must be a whole number from 1' }]);
      }
      return show(callerOf(request).tenant, idOf(request), Number(version));
    },
  });

  app.delete('/v1/templates/:id', {
    ...requireScopes(keyring, write),
    schema: documented('deleteTemplate', 'Delete a template', {
      description: 'No new message can use it; messages that were routed before are still sent.',
      params: IdParams,
      response: responses({ status: 204, description: 'Deleted' }, [...common, 'not-found']),
    }),
    handler: async (request, reply) => {
      const { tenant } = callerOf(request);
      const id = idOf(request);
      await inTurn(`${tenant}/${id}`, async () => {
        const { version } = await current(tenant, id);
        const newest = await catalogue.source(tenant, id, version);
        if (newest === undefined) throw notThere(id);
        const ended = {
          ...newest,
          subject: '',
          text: null,
          html: null,
          headers: [],
          version: version + 1,
          created_at: Date.now(),
          deleted: true,
        };
        await store(ended).catch((error: unknown) => {
          throw asProblem(error);
        });
      });
      return reply.code(204).send();
    },
  });
};
