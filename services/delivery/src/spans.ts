/** The span of one try: a child of the span that the record was written in, else a root that the sampler decides on. */
import { contextOf, type Held } from '@millrace/kafka';
import type { DeliveryTask } from '@millrace/schemas';
import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Outcome } from './delivery-event.ts';

const tracer = trace.getTracer('@millrace/delivery');

/** What the try is traced by; `undefined` where nobody traces it. */
export interface DeliverySpan {
  readonly traceId: string | null;
  /** Runs with the span active, so that records written by it carry its `traceparent`. */
  within<T>(run: () => T): T;
  /** Tells what came of it and ends it. */
  end(outcome: Outcome | undefined): void;
}

const untraced: DeliverySpan = {
  traceId: null,
  within: (run) => run(),
  end: () => undefined,
};

/** The stream is an attribute from the start, since the sampler looks at it. */
export const deliverySpan = (held: Held<DeliveryTask>): DeliverySpan => {
  const parent = contextOf(held.headers);
  const task = held.value;
  const span = tracer.startSpan(
    `deliver ${held.topic}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': 'kafka',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'deliver',
        'messaging.destination.name': held.topic,
        'messaging.destination.partition.id': String(held.partition),
        'messaging.kafka.offset': held.offset,
        'millrace.stream': task.stream,
        'millrace.tenant': task.tenant,
        'millrace.message.id': task.message_id,
        'millrace.isp': task.isp,
        'millrace.attempt': task.attempt + 1,
      },
    },
    parent,
  );
  if (!span.isRecording()) return passedOn(parent, span);
  return recorded(span, trace.setSpan(parent, span));
};

/** Not recorded here: what we write belongs to the trace all the same, that of who wrote the record or one of our own. */
const passedOn = (parent: Context, own: Span): DeliverySpan => {
  const active = parent === ROOT_CONTEXT ? trace.setSpan(parent, own) : parent;
  const { traceId, traceFlags } = trace.getSpanContext(active) ?? INVALID_SPAN_CONTEXT;
  if ((traceFlags & TraceFlags.SAMPLED) === 0) return untraced;
  return { traceId, within: (run) => context.with(active, run), end: () => undefined };
};

const recorded = (span: Span, active: Context): DeliverySpan => {
  const { traceId, traceFlags } = span.spanContext();
  return {
    traceId: (traceFlags & TraceFlags.SAMPLED) === 0 ? null : traceId,
    within: (run) => context.with(active, run),
    end: (outcome) => {
      if (outcome !== undefined) describe(span, active, outcome);
      span.end();
    },
  };
};

/** The SMTP conversation as a client span of its own below it. */
const describe = (span: Span, active: Context, outcome: Outcome): void => {
  const { answer, try: tried } = outcome;
  span.setAttribute('millrace.outcome', outcome.kind);
  if (outcome.kind !== 'delivered' && outcome.category !== null)
    span.setAttribute('millrace.outcome.category', outcome.category);
  if (outcome.kind === 'bounced' || outcome.kind === 'expired')
    span.setStatus({ code: SpanStatusCode.ERROR, message: answer.text });
  if (tried === null) return;
  const endTime = Date.now();
  const client = tracer.startSpan(
    'smtp send',
    {
      kind: SpanKind.CLIENT,
      startTime: endTime - tried.durationMs,
      attributes: {
        'network.protocol.name': 'smtp',
        'millrace.source': tried.source,
        ...(tried.mx === null ? {} : { 'server.address': tried.mx }),
        ...(tried.remoteAddress === null ? {} : { 'network.peer.address': tried.remoteAddress }),
        ...(tried.tls === null ? {} : { 'tls.protocol.version': tried.tls.protocol }),
        ...(tried.sizeBytes === null ? {} : { 'millrace.mail.size': tried.sizeBytes }),
        ...(answer.code === null ? {} : { 'smtp.reply.code': answer.code }),
        ...(answer.enhanced === null ? {} : { 'smtp.enhanced_status_code': answer.enhanced }),
        ...(answer.phase === null ? {} : { 'smtp.phase': answer.phase }),
      },
    },
    active,
  );
  if (outcome.kind !== 'delivered') client.setStatus({ code: SpanStatusCode.ERROR, message: answer.text });
  client.end(endTime);
};
