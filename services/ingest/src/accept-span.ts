/** The span of handing one request to Kafka: what the router's span has as its parent. */
import { requestTopic, type Stream } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import {
  type Context,
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';

const tracer = trace.getTracer('@millrace/ingest');

/**
 * Runs `send` in a producer span: a child of the active span, or with `linkTo` (a batch's span) a root of its own that
 * links to it, so that each line is sampled for itself. The stream is an attribute from the start: the sampler asks for it.
 */
export const inAcceptSpan = <T>(
  request: SendRequest,
  stream: Stream,
  linkTo: Context | undefined,
  send: () => Promise<T>,
): Promise<T> => {
  const parent = linkTo === undefined ? context.active() : ROOT_CONTEXT;
  const linked = linkTo === undefined ? undefined : trace.getSpanContext(linkTo);
  const span = tracer.startSpan(
    `send ${requestTopic(stream)}`,
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.operation.type': 'send',
        'messaging.operation.name': 'send',
        'messaging.destination.name': requestTopic(stream),
        'messaging.batch.message_count': request.recipients.length,
        'millrace.tenant': request.tenant,
        'millrace.stream': stream,
        'millrace.request_id': request.request_id,
        'millrace.via': request.via,
      },
      ...(linked === undefined ? {} : { links: [{ context: linked }] }),
    },
    parent,
  );
  if (!span.isRecording()) {
    const made = span.spanContext();
    const sampled = (made.traceFlags & TraceFlags.SAMPLED) !== 0;
    // Where nothing is exported, it is the active span once more.
    const isNew = made !== trace.getSpanContext(context.active());
    return sampled && isNew ? context.with(trace.setSpan(parent, span), send) : send();
  }
  return context.with(trace.setSpan(parent, span), () =>
    send()
      .catch((error: unknown) => {
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
        throw error;
      })
      .finally(() => span.end()),
  );
};
