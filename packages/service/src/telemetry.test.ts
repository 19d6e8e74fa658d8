import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  type Attributes,
  context,
  isSpanContextValid,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { FailureExportingProcessor } from './failure-exporting-processor.ts';
import { startTelemetry, type Telemetry } from './telemetry.ts';

const settings = (sample: { readonly realtime: number; readonly batch: number }, endpoint?: string) => ({
  telemetry: {
    http: { host: '127.0.0.1', port: 0 },
    log_level: 'info' as const,
    sample_realtime: sample.realtime,
    sample_batch: sample.batch,
    ...(endpoint === undefined ? {} : { otlp_endpoint: endpoint }),
  },
});

let exporter = new InMemorySpanExporter();
let running: Telemetry | undefined;
afterEach(() => running?.stop());

const begin = (realtime: number, batch: number): void => {
  exporter = new InMemorySpanExporter();
  running = startTelemetry({
    service: 'router',
    config: settings({ realtime, batch }),
    spanProcessors: [new FailureExportingProcessor(new SimpleSpanProcessor(exporter))],
  });
};

const start = (attributes: Attributes, parent = ROOT_CONTEXT): Span =>
  trace.getTracer('test').startSpan('x', { attributes }, parent);
const isSampled = (span: Span) => (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
const exported = () => exporter.getFinishedSpans().length;

describe('sampling', () => {
  test('is by the stream of the span', async () => {
    begin(1, 0);
    assert.ok(isSampled(start({ 'millrace.stream': 'realtime' })));
    assert.ok(isSampled(start({})));
    assert.ok(!start({ 'millrace.stream': 'batch' }).isRecording());
  });

  test('takes about the share that it is given', async () => {
    begin(0.1, 0.01);
    const share = (stream: string) =>
      Array.from({ length: 20_000 }, () => isSampled(start({ 'millrace.stream': stream }))).filter(Boolean)
        .length / 20_000;
    const [realtime, batch] = [share('realtime'), share('batch')];
    assert.ok(realtime > 0.08 && realtime < 0.12, String(realtime));
    assert.ok(batch > 0.006 && batch < 0.014, String(batch));
  });

  test('follows a parent that is sampled, whatever the stream', async () => {
    begin(1, 0);
    const parent = trace.setSpan(ROOT_CONTEXT, start({}));
    assert.ok(isSampled(start({ 'millrace.stream': 'batch' }, parent)));
    const unsampled = trace.setSpan(ROOT_CONTEXT, start({ 'millrace.stream': 'batch' }));
    assert.ok(!isSampled(start({ 'millrace.stream': 'realtime' }, unsampled)));
  });

  test('does not lose failures', async () => {
    begin(0, 0);
    const well = start({ 'millrace.stream': 'realtime' });
    well.end();
    assert.equal(exported(), 0);
    const failed = start({ 'millrace.stream': 'realtime' });
    failed.setStatus({ code: SpanStatusCode.ERROR });
    failed.end();
    start({ 'millrace.stream': 'batch', 'error.type': '550' }).end();
    const spans = exporter.getFinishedSpans();
    assert.equal(spans.length, 2);
    assert.ok(spans.every((span) => span.spanContext().traceFlags === TraceFlags.SAMPLED));
    assert.equal(spans[0]?.name, 'x');
  });
});

describe('telemetry', () => {
  let collector: Server;
  let endpoint = '';
  const received: string[] = [];
  before(async () => {
    collector = createServer((request, response) => {
      received.push(request.url ?? '');
      request.resume().on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as AddressInfo;
    endpoint = `http://127.0.0.1:${port}/`;
  });
  after(() => collector.close());

  test('carries the trace on in W3C headers, through asynchronous calls', async () => {
    begin(1, 0);
    const span = start({});
    await context.with(trace.setSpan(ROOT_CONTEXT, span), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      const { traceId, spanId } = span.spanContext();
      assert.equal(carrier.traceparent, `00-${traceId}-${spanId}-01`);
    });
  });

  test('records nothing where nothing is exported, and passes trace ids on all the same', async () => {
    running = startTelemetry({ service: 'router', config: settings({ realtime: 1, batch: 0 }) });
    const span = start({ 'millrace.stream': 'realtime' });
    assert.ok(isSampled(span) && !span.isRecording());
    assert.ok(isSpanContextValid(span.spanContext()));
    const child = start({ 'millrace.stream': 'batch' }, trace.setSpan(ROOT_CONTEXT, span));
    assert.equal(child.spanContext().traceId, span.spanContext().traceId);
    assert.ok(isSampled(child));
    assert.notEqual(start({}).spanContext().traceId, span.spanContext().traceId);
    assert.ok(!isSampled(start({ 'millrace.stream': 'batch' })));
    await context.with(trace.setSpan(ROOT_CONTEXT, child), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      assert.equal(carrier.traceparent, `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`);
    });
  });

  test('sends what is left when it stops', async () => {
    const telemetry = startTelemetry({
      service: 'router',
      config: settings({ realtime: 1, batch: 0 }, endpoint),
    });
    start({}).end();
    metrics.getMeter('test').createCounter('millrace.test').add(1);
    await telemetry.stop();
    assert.deepEqual(new Set(received), new Set(['/v1/traces', '/v1/metrics']));
  });

  test('stops although the collector is away, and can start again', async () => {
    for (const _ of [1, 2]) {
      const config = settings({ realtime: 1, batch: 0 }, 'http://127.0.0.1:9');
      const telemetry = startTelemetry({ service: 'router', config });
      start({}).end();
      await telemetry.stop();
    }
  });
});
