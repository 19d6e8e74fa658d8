import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { spanContextOf } from '@millrace/kafka';
import { startTelemetry, type Telemetry } from '@millrace/service';
import { type Rig, startRig } from '../ingest-rig.ts';

const nowhere = {
  onStart: () => undefined,
  onEnd: () => undefined,
  forceFlush: async () => undefined,
  shutdown: async () => undefined,
};

let rig: Rig;
let telemetry: Telemetry;
before(async () => {
  const http = { host: '127.0.0.1', port: 0 };
  telemetry = startTelemetry({
    service: 'ingest',
    config: { telemetry: { http, log_level: 'info', sample_realtime: 1, sample_batch: 0 } },
    // Spans are recorded where something takes them.
    spanProcessors: [nowhere],
  });
  rig = await startRig({ smtp: { enabled: false } });
  await rig.ready();
});
after(async () => {
  await rig[Symbol.asyncDispose]();
  await telemetry.stop();
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const hello = { from: 'ada@acme.example', to: ['bob@gmail.com'], subject: 'Hello', text: 'Hi' };

const spanOfRecord = async (requestId: string) => {
  const record = (await rig.requests()).find(({ value }) => value.request_id === requestId);
  assert.ok(record);
  return spanContextOf(record.headers);
};

const sent = async (path: string, body: unknown, headers: Record<string, string>): Promise<string> => {
  const text = await (await rig.call('POST', path, { body, headers })).text();
  const { request_id: id }: { request_id: string } = JSON.parse(text);
  return id;
};

describe('a trace', () => {
  test('goes on from the caller into the record', async () => {
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const span = await spanOfRecord(await sent('/v1/messages', { ...hello, stream: 'realtime' }, headers));
    assert.equal(span?.traceId, traceId);
    assert.equal(span?.traceFlags, 1);
    assert.notEqual(span?.spanId, 'b7ad6b7169203331');
  });

  test('begins here for a realtime message, and is not sampled for a batch one', async () => {
    const realtime = await spanOfRecord(await sent('/v1/messages', { ...hello, stream: 'realtime' }, {}));
    assert.equal(realtime?.traceFlags, 1);
    const batch = await spanOfRecord(await sent('/v1/messages', { ...hello, stream: 'batch' }, {}));
    assert.notEqual(batch?.traceFlags, 1);
  });

  test('is one of its own for each line of a batch', async () => {
    const lines = `${JSON.stringify({ ...hello, stream: 'realtime' })}\n`.repeat(2);
    const headers = {
      'content-type': 'application/x-ndjson',
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    };
    const text = await (await rig.call('POST', '/v1/messages/batch', { body: lines, headers })).text();
    const ids = text
      .trim()
      .split('\n')
      .map((line): string => JSON.parse(line).request_id);
    const [one, two] = await Promise.all(ids.map(spanOfRecord));
    assert.equal(one?.traceFlags, 1);
    assert.notEqual(one?.traceId, two?.traceId);
    assert.notEqual(one?.traceId, traceId);
  });
});
