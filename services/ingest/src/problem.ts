/** Errors as RFC 9457 problem details: what was wrong, where, and what to do. */

/** One wrong field of a request. */
export interface FieldError {
  /** Path inside the body, e.g. `to[3].address`; a header's or a parameter's name. */
  readonly field: string;
  /** What is wrong with it and what to do. */
  readonly message: string;
}

/** Every kind of problem that ingest answers with: its status and its title. */
const kinds = {
  'malformed-json': [400, 'The body is not JSON'],
  'malformed-request': [400, 'The request cannot be read'],
  unauthenticated: [401, 'A valid API key is required'],
  'insufficient-scope': [403, 'The API key does not allow this'],
  'sender-not-allowed': [403, 'The tenant may not send from this domain'],
  'not-found': [404, 'There is no such thing here'],
  'method-not-allowed': [405, 'The method is not allowed here'],
  'idempotency-in-progress': [409, 'A request with this idempotency key is in progress'],
  'too-large': [413, 'The request is too large'],
  'unsupported-media-type': [415, 'The content type is not supported'],
  'invalid-request': [422, 'The request is not valid'],
  'unknown-template': [422, 'There is no such template'],
  'invalid-template': [422, 'The template does not compile'],
  'idempotency-mismatch': [422, 'The idempotency key was used for another request'],
  'rate-limited': [429, 'The rate of the API key is exceeded'],
  internal: [500, 'Something is wrong inside'],
  unavailable: [503, 'The request cannot be taken now'],
  'storage-full': [507, 'There is no room left'],
} as const satisfies Record<string, readonly [number, string]>;

/** Last part of a problem's `type`. */
export type ProblemKind = keyof typeof kinds;

/** Kinds in the order of their status. */
export const problemKinds = Object.keys(kinds).filter((kind): kind is ProblemKind => kind in kinds);

/** Body of an `application/problem+json` answer. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

/** HTTP status of a kind. */
export const statusOf = (kind: ProblemKind): number => kinds[kind][0];

/** `type` of a kind: stable, to be compared as text. */
export const typeOf = (kind: ProblemKind): string => `urn:millrace:problem:${kind}`;

/** A request that ends with a problem instead of an answer. */
export class ProblemError extends Error {
  /** Stable code: the problem's kind. */
  readonly code: ProblemKind;
  readonly errors: readonly FieldError[];
  /** When to try again, seconds; becomes `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    kind: ProblemKind,
    detail: string,
    more: { errors?: readonly FieldError[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.name = 'ProblemError';
    this.code = kind;
    this.errors = more.errors ?? [];
    this.retryAfterSeconds =
      more.retryAfterMs === undefined ? undefined : Math.max(1, Math.ceil(more.retryAfterMs / 1_000));
  }

  get status(): number {
    return statusOf(this.code);
  }

  /** The body to answer with. */
  toProblem(): Problem {
    const problem = {
      type: typeOf(this.code),
      title: kinds[this.code][1],
      status: this.status,
      detail: this.message,
    };
    return this.errors.length > 0 ? { ...problem, errors: this.errors } : problem;
  }
}

/** The problem of a body with wrong fields: its detail names the first of them. */
export const invalidRequest = (errors: readonly FieldError[]): ProblemError => {
  const first = errors[0];
  const detail =
    first === undefined
      ? 'the request is not valid'
      : `${first.field}: ${first.message}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`;
  return new ProblemError('invalid-request', detail, { errors });
};
