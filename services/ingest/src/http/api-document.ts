/** What the OpenAPI document says beside the routes, which describe themselves. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

type Transform = NonNullable<FastifyDynamicSwaggerOptions['transformObject']>;

/** Bodies that may be left out, by operation: the library takes every body for required. */
const optionalBodies: ReadonlySet<unknown> = new Set(['putSuppression']);

/** Makes the document say what the library has no words for. */
export const completed: Transform = (documents) => {
  if (!('openapiObject' in documents)) return documents.swaggerObject;
  for (const path of Object.values(documents.openapiObject.paths ?? {})) {
    for (const operation of Object.values(path ?? {})) {
      if (typeof operation !== 'object' || !('requestBody' in operation)) continue;
      const { operationId, requestBody } = operation;
      if (optionalBodies.has(operationId) && requestBody !== undefined && 'required' in requestBody) {
        requestBody.required = false;
      }
    }
  }
  return documents.openapiObject;
};

export const apiDocument = {
  openapi: '3.1.0',
  info: {
    title: 'Millrace ingest',
    version: '1',
    description:
      'Takes messages and answers when Kafka has them. Every error is a problem document (RFC 9457) that names the ' +
      'field; compare its `type`, not its text. 503 and 429 carry Retry-After.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: '/', description: 'This server' }],
  tags: [
    { name: 'messages', description: 'Sending' },
    { name: 'templates', description: 'Contents with variables, by version' },
    { name: 'suppressions', description: 'Who must not be sent to' },
    { name: 'controls', description: 'What operators and automation change while everything runs' },
    { name: 'service', description: 'State of this process' },
  ],
  components: {
    securitySchemes: {
      api_key: {
        type: 'http' as const,
        scheme: 'bearer',
        bearerFormat: 'mr_<id>_<secret>',
        description: 'An API key of a tenant. Its scopes say what it may do.',
      },
    },
  },
};
