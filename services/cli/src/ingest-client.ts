/** Calls to ingest's HTTP API, with its problem details (RFC 9457) as errors of ours. */
import { CliError } from './cli-error.ts';
import type { Ending } from './exit-codes.ts';
import type { Installation } from './installation.ts';

export interface IngestCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path from the base URL, `/v1/...`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface IngestAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined where there is none. */
  readonly body: unknown;
}

const timeoutMs = 30_000;

/** What all calls need of the installation. */
type IngestAccess = Pick<Installation, 'ingestUrl' | 'apiKey' | 'endpoints'>;

/** Throws CliError for every answer but 2xx, and where ingest is not there. */
export async function callIngest(installation: IngestAccess, call: IngestCall): Promise<IngestAnswer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await ask(installation, call, {
    ...(call.body === undefined ? {} : { type: 'application/json', content: JSON.stringify(call.body) }),
    signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
  });
  const body = parsed(await received(installation, call, () => response.text()));
  if (response.ok) return { status: response.status, headers: response.headers, body };
  throw refusal(response, body, installation.ingestUrl);
}

/** A stream in one direction or both, however long it takes. Throws as {@link callIngest}. */
export interface IngestStream extends Omit<IngestCall, 'body'> {
  readonly content?: { readonly type: string; readonly stream: ReadableStream<Uint8Array> };
}

/** The answer as it comes. Throws CliError for every answer but 2xx, and where ingest is not there. */
export async function streamIngest(
  installation: IngestAccess,
  call: IngestStream,
): Promise<ReadableStream<Uint8Array>> {
  const { content } = call;
  const response = await ask(installation, call, {
    ...(content === undefined ? {} : { type: content.type, content: content.stream }),
    signal: call.signal ?? null,
  });
  if (response.ok && response.body !== null) return response.body;
  throw refusal(response, parsed(await response.text()), installation.ingestUrl);
}

/** Method, path and header fields of a call, whatever it carries. */
type CallHead = Omit<IngestCall, 'body'>;

interface Sent {
  readonly type?: string;
  readonly content?: string | ReadableStream<Uint8Array>;
  readonly signal: AbortSignal | null;
}

async function ask(installation: IngestAccess, call: CallHead, sent: Sent): Promise<Response> {
  const { ingestUrl, apiKey } = installation;
  if (apiKey === undefined) {
    throw new CliError('usage', 'ERR_NO_API_KEY', 'No API key is given.', {
      hint: 'Set MILLRACE_API_KEY or give --api-key; npm start writes one for the local pipeline.',
    });
  }
  return received(installation, call, () =>
    fetch(ingestUrl + call.path, {
      method: call.method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(sent.type === undefined ? {} : { 'content-type': sent.type }),
        ...call.headers,
      },
      body: sent.content ?? null,
      // A stream is sent while the answer is awaited.
      ...(typeof sent.content === 'object' ? { duplex: 'half' } : {}),
      signal: sent.signal,
    }),
  );
}

/** What the network throws, as our error. */
async function received<T>(
  { ingestUrl, endpoints }: IngestAccess,
  call: CallHead,
  receive: () => Promise<T>,
): Promise<T> {
  try {
    return await receive();
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new CliError(
      'unreachable',
      'ERR_INGEST_UNREACHABLE',
      `Ingest does not answer at ${ingestUrl}: ${reasonOf(error)}.`,
      {
        hint: endpoints
          ? `${endpoints.file} says it should: is npm start still running?`
          : 'Start it (npm start for the local pipeline), or say where it is with --url or MILLRACE_URL.',
        cause: error,
      },
    );
  }
}

const parsed = (text: string): unknown => {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** undici says "fetch failed" and keeps the reason in the cause. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? reasonOf(cause) : error.message || error.name;
};

interface ProblemFields {
  readonly type: string;
  readonly detail: string;
  readonly errors: readonly string[];
}

function problemOf(body: unknown): ProblemFields | undefined {
  if (typeof body !== 'object' || body === null || !('type' in body) || typeof body.type !== 'string')
    return undefined;
  const detail = 'detail' in body && typeof body.detail === 'string' ? body.detail : body.type;
  const errors = 'errors' in body && Array.isArray(body.errors) ? body.errors : [];
  return {
    type: body.type,
    detail,
    errors: errors.flatMap((error: unknown) =>
      typeof error === 'object' && error !== null && 'field' in error && 'message' in error
        ? [`${String(error.field)}: ${String(error.message)}`]
        : [],
    ),
  };
}

const endingOf = (status: number): Ending => {
  if (status === 404) return 'not_found';
  if (status === 503) return 'unreachable';
  return status < 500 ? 'refused' : 'failed';
};

function refusal(response: Response, body: unknown, ingestUrl: string): CliError {
  const problem = problemOf(body);
  if (problem === undefined) {
    return new CliError(
      'failed',
      'ERR_NOT_INGEST',
      `${ingestUrl} answers ${response.status}, and not as ingest does.`,
      {
        hint: 'Check --url or MILLRACE_URL.',
      },
    );
  }
  const wait = response.headers.get('retry-after');
  const hint = hints.get(response.status) ?? (wait === null ? undefined : `Try again in ${wait} s.`);
  return new CliError(
    endingOf(response.status),
    problem.type.replace(/^urn:millrace:problem:/, ''),
    /[.!?]$/.test(problem.detail) ? problem.detail : `${problem.detail}.`,
    { ...(hint === undefined ? {} : { hint }), details: problem.errors.length > 1 ? problem.errors : [] },
  );
}

const hints: ReadonlyMap<number, string> = new Map([
  [401, 'Check --api-key or MILLRACE_API_KEY: it must be a key of this installation.'],
  [403, 'tenants.<name>.api_keys and from_domains in the configuration say what a key may do.'],
]);
