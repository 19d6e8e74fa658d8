import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { context, trace } from '@opentelemetry/api';
import { createLogger } from './logger.ts';
import { startTelemetry } from './telemetry.ts';

const logged = (log: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] => {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  log(createLogger({ service: 'router', level: 'info', destination }));
  return lines;
};

describe('a log line', () => {
  test('is JSON with level, time, service and the sentence', () => {
    const [line] = logged((logger) => logger.warn({ topic: 'x' }, 'It waits'));
    assert.deepEqual(
      [line?.level, line?.service, line?.topic, line?.msg],
      ['warn', 'router', 'x', 'It waits'],
    );
    assert.ok(!Number.isNaN(Date.parse(String(line?.time))));
  });

  test('is not written below the level', () => {
    assert.deepEqual(
      logged((logger) => logger.debug({}, 'x')),
      [],
    );
  });

  test('carries the ids of the active span', async () => {
    const http = { host: '127.0.0.1', port: 0 };
    const telemetry = startTelemetry({
      service: 'router',
      config: { telemetry: { http, log_level: 'info', sample_realtime: 1, sample_batch: 1 } },
    });
    const span = trace.getTracer('test').startSpan('x');
    const [line] = logged((logger) =>
      context.with(trace.setSpan(context.active(), span), () => logger.info({}, 'x')),
    );
    await telemetry.stop();
    const { traceId, spanId } = span.spanContext();
    assert.deepEqual([line?.trace_id, line?.span_id], [traceId, spanId]);
  });

  test('hides what is secret, also what Redis puts on its errors', () => {
    const error = Object.assign(new Error('WRONGPASS'), { command: { name: 'auth', args: ['hunter2'] } });
    const lines = logged((logger) => {
      logger.info(
        { password: 'hunter2', sasl: { password: 'hunter2' }, headers: { authorization: 'hunter2' } },
        'x',
      );
      logger.info({ kafka: { sasl: { password: 'hunter2' } } }, 'x');
      logger.warn({ err: error }, 'x');
    });
    assert.ok(!JSON.stringify(lines).includes('hunter2'));
    assert.match(JSON.stringify(lines[2]), /WRONGPASS/);
  });
});
