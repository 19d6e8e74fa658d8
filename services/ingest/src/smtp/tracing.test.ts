import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { spanContextOf } from '@millrace/kafka';
import { startTelemetry, type Telemetry } from '@millrace/service';
import { createTransport } from 'nodemailer';
import { type Rig, startRig } from '../ingest-rig.ts';

type Processor = NonNullable<Parameters<typeof startTelemetry>[0]['spanProcessors']>[number];
type EndedSpan = Parameters<Processor['onEnd']>[0];

const ended: EndedSpan[] = [];
const kept: Processor = {
  onStart: () => undefined,
  onEnd: (span) => void ended.push(span),
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
    spanProcessors: [kept],
  });
  rig = await startRig({ smtp: { allow_insecure_auth: true } });
  await rig.ready();
});
after(async () => {
  await rig[Symbol.asyncDispose]();
  await telemetry.stop();
});

const submit = async (stream: string, from = 'ada@acme.example') => {
  const { smtp } = rig.ingest;
  assert.ok(smtp);
  const transport = createTransport({
    ...{ host: smtp.host, port: smtp.port, ignoreTLS: true, auth: { user: 'full', pass: rig.keys.full } },
  });
  const raw = `From: ${from}\r\nTo: bob@gmail.com\r\nX-Millrace-Stream: ${stream}\r\n\r\nHi\r\n`;
  try {
    return await transport.sendMail({ envelope: { from, to: ['bob@gmail.com'] }, raw });
  } finally {
    transport.close();
  }
};

const recordOf = async (response: string) => {
  const id = /queued as (\S+)$/.exec(response)?.[1];
  return (await rig.requests()).find(({ value }) => value.request_id === id) ?? assert.fail(response);
};

test('a trace begins with DATA, ends with the 250 and goes on into the record', async () => {
  const record = await recordOf((await submit('realtime')).response);
  const data = ended.find(({ name }) => name === 'SMTP DATA') ?? assert.fail();
  const handed = ended.find(
    ({ parentSpanContext }) => parentSpanContext?.spanId === data.spanContext().spanId,
  );
  const ofRecord = spanContextOf(record.headers);
  assert.equal(ofRecord?.traceId, data.spanContext().traceId);
  assert.equal(ofRecord?.spanId, handed?.spanContext().spanId);
  assert.equal(data.parentSpanContext, undefined);
  assert.equal(data.attributes['millrace.smtp.reply_code'], 250);
  assert.equal(data.attributes['millrace.tenant'], 'acme');
  assert.equal(data.attributes['millrace.stream'], 'realtime');
});

test('a batch message is not sampled; a refusal has a span too', async () => {
  const record = await recordOf((await submit('batch')).response);
  assert.notEqual(spanContextOf(record.headers)?.traceFlags, 1);
  await assert.rejects(submit('realtime', 'eve@umbrella.example'), /550 5\.7\.1/);
  const refused = ended.filter(({ attributes }) => attributes['millrace.smtp.reply_code'] === 550);
  assert.equal(refused.length, 1);
});
