/** OpenTelemetry of one process: traces by OTLP, metrics by OTLP and for Prometheus, W3C trace context. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, NodeTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import manifest from '../package.json' with { type: 'json' };
import type { Config } from './config-schema.ts';
import { FailureExportingProcessor } from './failure-exporting-processor.ts';
import { measureProcess } from './process-metrics.ts';
import { streamSampler } from './stream-sampler.ts';
import { UnrecordedTracerProvider } from './unrecorded-spans.ts';

/** How often metrics are pushed, ms. */
const pushEveryMs = 15_000;
/** How long flushing may take at the end, ms. */
const flushLimitMs = 3_000;

export interface TelemetryOptions {
  /** Name of the service: `router`. */
  readonly service: string;
  readonly config: Pick<Config, 'telemetry'>;
  /** Attributes that tell apart processes of one service, such as the stream of a worker. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** In place of the OTLP exporter. For tests. */
  readonly spanProcessors?: readonly SpanProcessor[];
}

export interface Telemetry {
  /** Answers a request for /metrics in Prometheus' text format. */
  serveMetrics(request: IncomingMessage, response: ServerResponse): void;
  /** Sends what is left, then takes the globals away. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Makes this process's telemetry the global one. Without `telemetry.otlp_endpoint` no span is recorded; trace ids
 * are made and passed on all the same, since they join the logs and events of all services.
 */
export const startTelemetry = ({
  service,
  config,
  attributes,
  spanProcessors,
}: TelemetryOptions): Telemetry => {
  const { otlp_endpoint: endpoint, sample_realtime: realtime, sample_batch: batch } = config.telemetry;
  const base = endpoint?.replace(/\/+$/, '');
  const resource = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: service,
    [ATTR_SERVICE_VERSION]: manifest.version,
    'service.namespace': 'millrace',
    'service.instance.id': randomUUID(),
    'host.name': hostname(),
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    ...attributes,
  });

  const exporting =
    spanProcessors ??
    (base === undefined
      ? []
      : [
          new FailureExportingProcessor(
            new BatchSpanProcessor(new OTLPTraceExporter({ url: `${base}/v1/traces` })),
          ),
        ]);
  const sampler = streamSampler({ realtime, batch });
  const tracers =
    exporting.length === 0
      ? new UnrecordedTracerProvider(sampler)
      : new NodeTracerProvider({ resource, sampler, spanProcessors: [...exporting] });
  tracers.register();

  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const pushing =
    base === undefined
      ? []
      : [
          new PeriodicExportingMetricReader({
            exporter: new OTLPMetricExporter({ url: `${base}/v1/metrics` }),
            exportIntervalMillis: pushEveryMs,
          }),
        ];
  const meters = new MeterProvider({ resource, readers: [prometheus, ...pushing] });
  metrics.setGlobalMeterProvider(meters);
  const unmeasure = measureProcess();

  return {
    serveMetrics: (request, response) => prometheus.getMetricsRequestHandler(request, response),
    stop: async () => {
      unmeasure();
      const limit = AbortSignal.timeout(flushLimitMs);
      const gone = new Promise<void>((resolve) => limit.addEventListener('abort', () => resolve()));
      await Promise.race([Promise.allSettled([tracers.shutdown(), meters.shutdown()]), gone]);
      for (const api of [trace, metrics, context, propagation]) api.disable();
    },
  };
};
