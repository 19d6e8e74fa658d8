/** `Authorization: Bearer mr_<id>_<secret>` on every route that names scopes. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller, Keyring, Scope } from '../keyring.ts';
import { ProblemError } from '../problem.ts';

const callers = new WeakMap<FastifyRequest, Caller>();

/** Who makes this request. Only on routes that name scopes. */
export const callerOf = (request: FastifyRequest): Caller => {
  const caller = callers.get(request);
  if (caller === undefined) throw new ProblemError('unauthenticated', 'An API key is required');
  return caller;
};

/** Refuses callers without a key, or whose key has none of `scopes`. */
export const requireScopes = (keyring: Keyring, scopes: readonly Scope[]) => ({
  onRequest: async (request: FastifyRequest): Promise<void> => {
    const header = request.headers.authorization;
    const key = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
    if (key === undefined) {
      throw new ProblemError(
        'unauthenticated',
        'Send the API key as "Authorization: Bearer mr_<id>_<secret>"',
      );
    }
    const caller = keyring.callerOf(key);
    if (caller === undefined) throw new ProblemError('unauthenticated', 'This API key is not known');
    if (!scopes.some((scope) => caller.scopes.has(scope))) {
      throw new ProblemError(
        'insufficient-scope',
        `The key ${caller.keyId} needs ${scopes.length > 1 ? 'one of the scopes' : 'the scope'} ${scopes.join(', ')}`,
      );
    }
    callers.set(request, caller);
  },
});

/** RFC 6750 3: what a 401 must say. */
export const challenge = (app: FastifyInstance): void => {
  app.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer realm="millrace"');
  });
};
