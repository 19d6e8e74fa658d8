/** `Authorization: Bearer mr_<id>_<secret>` on every route that names scopes. */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { Caller, Keyring, Scope } from '../keyring.ts';
import { ProblemError } from '../problem.ts';

const callers = new WeakMap<FastifyRequest, Caller>();

/** Who makes this request. Only on routes that name scopes. */
export const callerOf = (request: FastifyRequest): Caller => {
  const caller = callers.get(request);
  if (caller === undefined) throw new ProblemError('unauthenticated', 'An API key is required');
  return caller;
};

const authenticate = (request: FastifyRequest, keyring: Keyring, scopes: readonly Scope[]): Caller => {
  const header = request.headers.authorization;
  const key = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  if (key === undefined) {
    throw new ProblemError('unauthenticated', 'Send the API key as "Authorization: Bearer mr_<id>_<secret>"');
  }
  const caller = keyring.callerOf(key);
  if (caller === undefined) throw new ProblemError('unauthenticated', 'This API key is not known');
  if (!scopes.some((scope) => caller.scopes.has(scope))) {
    throw new ProblemError(
      'insufficient-scope',
      `The key ${caller.keyId} needs ${scopes.length > 1 ? 'one of the scopes' : 'the scope'} ${scopes.join(', ')}`,
    );
  }
  return caller;
};

/** Refuses callers without a key, or whose key has none of `scopes`. */
export const requireScopes = (keyring: Keyring, scopes: readonly Scope[]) => ({
  onRequest: (request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    let refusal: Error | undefined;
    try {
      callers.set(request, authenticate(request, keyring, scopes));
    } catch (error) {
      refusal = error instanceof Error ? error : new Error(String(error));
    }
    done(refusal);
  },
});
