/** Record headers: the last value of each name, and the trace context in them (W3C `traceparent`). */
import { type Context, context, ROOT_CONTEXT, type SpanContext, TraceFlags, trace } from '@opentelemetry/api';

/** Header values by name. */
export type RecordHeaders = Readonly<Record<string, Buffer>>;

/** Headers to send: strings are written as UTF-8. */
export type HeadersToSend = Readonly<Record<string, string | Buffer>>;

const noHeaders: RecordHeaders = Object.freeze({});
const traceparent = 'traceparent';
const traceparentForm = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Copies, which do not keep all of a response in memory. */
export function ownHeaders(headers: RecordHeaders): RecordHeaders {
  let own: Record<string, Buffer> | undefined;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    own ??= {};
    own[name] = Buffer.from(value);
  }
  return own ?? noHeaders;
}

/** `headers` with the active span's `traceparent`, where that span is sampled; else `headers` as they are. */
export function withTraceparent(headers: HeadersToSend | undefined): HeadersToSend | undefined {
  const span = trace.getSpanContext(context.active());
  if (span === undefined || (span.traceFlags & TraceFlags.SAMPLED) === 0) return headers;
  return { ...headers, [traceparent]: `00-${span.traceId}-${span.spanId}-01` };
}

/** The span that a record was sent in; undefined: none was sampled. */
export function spanContextOf(headers: RecordHeaders): SpanContext | undefined {
  const value = headers[traceparent];
  if (value === undefined) return undefined;
  const match = traceparentForm.exec(value.toString('latin1'));
  const [, traceId, spanId, flags] = match ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** A context whose active span is the record's; the root context where there is none. */
export function contextOf(headers: RecordHeaders): Context {
  const span = spanContextOf(headers);
  return span === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span);
}
