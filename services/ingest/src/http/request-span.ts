/** A server span and a duration for each HTTP request, named by the semantic conventions. */
import {
  type Attributes,
  type Context,
  context,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const tracer = trace.getTracer('@millrace/ingest');

interface Observed {
  readonly startedAt: number;
  readonly startedMs: number;
  readonly parent: Context;
  span: Span | undefined;
}

const observed = new WeakMap<FastifyRequest, Observed>();

const openSpan = (request: FastifyRequest, of: Observed, attributes: Attributes): Span => {
  const route = request.routeOptions.url ?? '';
  of.span ??= tracer.startSpan(
    `${request.method} ${route}`.trim(),
    {
      kind: SpanKind.SERVER,
      startTime: of.startedMs,
      attributes: {
        'http.request.method': request.method,
        'url.path': request.url.split('?')[0] ?? '',
        'url.scheme': 'http',
        'network.protocol.version': request.raw.httpVersion,
        'client.address': request.ip,
        ...(route === '' ? {} : { 'http.route': route }),
        ...attributes,
      },
    },
    of.parent,
  );
  return of.span;
};

/**
 * Runs a handler inside the request's span. `attributes` come first: the sampler looks at the stream, which is known
 * only when the body is.
 */
export const inRequestSpan = <T>(request: FastifyRequest, attributes: Attributes, run: () => T): T => {
  const of = observed.get(request);
  if (of === undefined) return run();
  return context.with(trace.setSpan(of.parent, openSpan(request, of, attributes)), run);
};

/** Measures and traces every request; those that opened no span of their own get one when they are answered. */
export const observeRequests = (app: FastifyInstance): void => {
  const duration = metrics.getMeter('@millrace/ingest').createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP requests',
    advice: {
      explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    },
  });
  app.addHook('onRequest', (request, _reply, done) => {
    observed.set(request, {
      startedAt: performance.now(),
      startedMs: Date.now(),
      parent: propagation.extract(ROOT_CONTEXT, request.headers),
      span: undefined,
    });
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const of = observed.get(request);
    if (of === undefined) return done();
    const attributes = {
      'http.request.method': request.method,
      'http.route': request.routeOptions.url ?? '',
      'http.response.status_code': reply.statusCode,
    };
    duration.record((performance.now() - of.startedAt) / 1_000, attributes);
    const span = openSpan(request, of, {});
    span.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
    done();
  });
};
