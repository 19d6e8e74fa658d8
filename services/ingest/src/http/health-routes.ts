/** `/healthz`: the process runs. `/readyz`: it can take requests now. */
import type { FastifyInstance } from 'fastify';
import { HealthSchema, responses } from './schemas.ts';

export interface HealthRoutes {
  /** Whether Kafka takes records. */
  readonly kafka: () => boolean;
  /** Whether Redis answers; without it requests are taken all the same. */
  readonly redis: () => boolean;
}

const tags = ['service'];

export const addHealthRoutes = (app: FastifyInstance, health: HealthRoutes): void => {
  app.get('/healthz', {
    schema: {
      operationId: 'health',
      summary: 'Whether the process runs',
      tags,
      response: responses({ status: 200, description: 'It runs', schema: HealthSchema }, []),
    },
    handler: async () => ({ status: 'ok' }),
  });
  const readiness: Record<string, unknown> = {
    ...responses({ status: 200, description: 'They are', schema: HealthSchema }, []),
    503: {
      description: 'They are not: Kafka cannot be reached',
      content: { 'application/json': { schema: HealthSchema } },
    },
  };
  app.get('/readyz', {
    schema: { operationId: 'ready', summary: 'Whether requests are taken', tags, response: readiness },
    handler: async (_request, reply) => {
      const kafka = health.kafka();
      return reply.code(kafka ? 200 : 503).send({
        status: kafka ? 'ok' : 'unavailable',
        kafka,
        redis: health.redis(),
      });
    },
  });
};
