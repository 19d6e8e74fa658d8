/** The span of routing one request: a child of the call that brought it in, or a root for producers that do not trace. */
import { classifyStream, type TenantFacts } from '@millrace/core';
import { contextOf, type Held } from '@millrace/kafka';
import type { SendRequest } from '@millrace/schemas';
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('@millrace/router');

/** Trace id of the active span; null when it is not sampled. */
export const activeTraceId = (): string | null => {
  const span = trace.getSpanContext(context.active());
  return span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0 ? span.traceId : null;
};

/** Runs `route` in the request's span. The stream is an attribute from the start, since the sampler looks at it. */
export const inRoutingSpan = (
  held: Held<SendRequest>,
  facts: TenantFacts | undefined,
  route: () => Promise<void>,
): Promise<void> => {
  const parent = contextOf(held.headers);
  const stream = facts === undefined ? undefined : classifyStream(held.value, facts.policy).stream;
  const span = tracer.startSpan(
    `route ${held.topic}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'route',
        'messaging.destination.name': held.topic,
        'messaging.destination.partition.id': String(held.partition),
        'messaging.kafka.offset': held.offset,
        'messaging.batch.message_count': held.value.recipients.length,
        'millrace.tenant': held.value.tenant,
        ...(stream === undefined ? {} : { 'millrace.stream': stream }),
      },
    },
    parent,
  );
  if (!span.isRecording()) {
    const sampled = (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
    return sampled || parent !== ROOT_CONTEXT ? context.with(trace.setSpan(parent, span), route) : route();
  }
  return context.with(trace.setSpan(parent, span), () =>
    route()
      .catch((error: unknown) => {
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
        throw error;
      })
      .finally(() => span.end()),
  );
};
