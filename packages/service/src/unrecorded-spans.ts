/**
 * Spans of a process that exports none: what is left of them is the trace they belong to, which goes along in logs, events
 * and `traceparent`. A recorded span costs a process some 0.05 ms, and these are made for every message.
 */
import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import {
  NodeTracerProvider,
  RandomIdGenerator,
  type Sampler,
  SamplingDecision,
} from '@opentelemetry/sdk-trace-node';

class UnrecordedTracer implements Tracer {
  readonly #sampler: Sampler;
  readonly #ids = new RandomIdGenerator();

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
  }

  /** Below a parent the parent's own context: nobody would find a span between them. */
  startSpan(name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    const above = options.root === true ? undefined : trace.getSpanContext(parent);
    return trace.wrapSpanContext(above ?? this.#root(name, options, parent));
  }

  /** Nobody in Millrace calls it. The span is active while the last argument, a function of it, runs. */
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    ...rest: [F] | [SpanOptions, F] | [SpanOptions, Context, F]
  ): ReturnType<F>;
  startActiveSpan(name: string, ...rest: readonly unknown[]): unknown {
    const run = rest.at(-1);
    if (typeof run !== 'function') throw new TypeError('A function is needed.');
    const span = this.startSpan(name);
    return context.with(trace.setSpan(context.active(), span), run.bind(undefined, span));
  }

  #root(name: string, options: SpanOptions, parent: Context): SpanContext {
    const traceId = this.#ids.generateTraceId();
    const { kind = SpanKind.INTERNAL, attributes = {}, links = [] } = options;
    const { decision } = this.#sampler.shouldSample(parent, traceId, name, kind, attributes, links);
    if (decision !== SamplingDecision.RECORD_AND_SAMPLED) return INVALID_SPAN_CONTEXT;
    return { traceId, spanId: this.#ids.generateSpanId(), traceFlags: TraceFlags.SAMPLED };
  }
}

/** Registered like any other, with the same context and propagation. */
export class UnrecordedTracerProvider extends NodeTracerProvider {
  readonly #tracer: Tracer;

  constructor(sampler: Sampler) {
    super({ sampler });
    this.#tracer = new UnrecordedTracer(sampler);
  }

  override getTracer(): Tracer {
    return this.#tracer;
  }
}
