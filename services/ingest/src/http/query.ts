/** Parameters after the question mark. */
import type { FastifyRequest } from 'fastify';

/** A parameter that is given once and not empty; undefined otherwise. */
export const queryOf = ({ query }: FastifyRequest, name: string): string | undefined => {
  if (typeof query !== 'object' || query === null) return undefined;
  const value: unknown = Reflect.get(query, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
};
