import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { batchLimits } from '../batch-lines.ts';
import { type Rig, startRig } from '../ingest-rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig({ smtp: { enabled: false } });
  await rig.ready();
});
after(() => rig[Symbol.asyncDispose]());

const line = (number: number) => ({
  from: 'ada@acme.example',
  to: [`user${number}@gmail.com`],
  subject: 'Hello',
  text: 'Hi',
});

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

interface Answer {
  readonly line: number;
  readonly request_id?: string;
  readonly message_ids?: readonly string[];
  readonly problem?: { readonly type: string; readonly errors?: readonly { readonly field: string }[] };
}

const answersOf = (text: string): Answer[] =>
  text
    .split('\n')
    .filter((answer) => answer !== '')
    .map((answer) => JSON.parse(answer));

const batch = async (body: string, key: 'full' | 'slow' = 'full'): Promise<Answer[]> => {
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await rig.call('POST', '/v1/messages/batch', { body, headers, key });
  assert.equal(response.status, 200);
  return answersOf(await response.text());
};

describe('POST /v1/messages/batch', () => {
  test('keeps whole messages apart whose memory is used one after the other', async () => {
    const rawOf = (number: number): string =>
      `From: ada@acme.example\r\nSubject: ${number}\r\n\r\n${`whole ${number}\r\n`.repeat(400 + number)}`;
    const bodies = Array.from({ length: 300 }, (_, number) => ({
      to: [`whole${number}@gmail.com`],
      raw: rawOf(number),
    }));
    const answers = await batch(bodies.map((body) => JSON.stringify(body)).join('\n'));
    assert.equal(answers.filter(({ message_ids }) => message_ids?.length === 1).length, bodies.length);
    const records = await rig.requests();
    const arrived = new Map(
      records.map(({ value }) => [value.recipients[0]?.address, value.raw?.toString()]),
    );
    for (const { to, raw } of bodies) assert.ok(arrived.get(to[0]) === raw, to[0]);
  });

  test('answers every line in order and goes on after a wrong one', async () => {
    const answers = await batch(
      [
        JSON.stringify(line(1)),
        '{"to": }',
        '',
        JSON.stringify({ ...line(4), to: ['a@gmail.com', 'b@gmail.com'] }),
        JSON.stringify({ ...line(5), to: ['nobody'] }),
        JSON.stringify({ ...line(6), from: 'eve@umbrella.example' }),
        JSON.stringify(line(7)),
      ].join('\n'),
    );
    assert.deepEqual(
      answers.map((answer) => [
        answer.line,
        answer.problem?.type.split(':').at(-1) ?? answer.message_ids?.length,
      ]),
      [
        [1, 1],
        [2, 'malformed-json'],
        [4, 2],
        [5, 'invalid-request'],
        [6, 'sender-not-allowed'],
        [7, 1],
      ],
    );
    assert.equal(answers[3]?.problem?.errors?.[0]?.field, 'to[0]');
    const accepted = new Set((await rig.requests()).map(({ value }) => value.request_id));
    for (const { request_id } of answers) assert.ok(request_id === undefined || accepted.has(request_id));
  });

  test('passes over a line that is too long', async () => {
    const long = JSON.stringify({ ...line(1), text: 'x'.repeat(batchLimits.lineBytes) });
    const answers = await batch(`${long}\n${JSON.stringify(line(2))}\n`);
    assert.deepEqual(
      answers.map(({ problem }) => problem?.type),
      ['urn:millrace:problem:too-large', undefined],
    );
  });

  test('gives a line with the idempotency key of an earlier one its ids', async () => {
    const keyed = JSON.stringify({ ...line(1), idempotency_key: 'line-1' });
    const [first] = await batch(keyed);
    const [second, other] = await batch(
      `${keyed}\n${JSON.stringify({ ...line(2), idempotency_key: 'line-1' })}`,
    );
    assert.deepEqual(second?.message_ids, first?.message_ids);
    assert.equal(other?.problem?.type, 'urn:millrace:problem:idempotency-mismatch');
  });

  test('waits where the rate of the key is exceeded', async () => {
    const answers = await batch(
      Array.from({ length: 7 }, (_, index) => JSON.stringify(line(index))).join('\n'),
      'slow',
    );
    assert.deepEqual(
      answers.map(({ problem }) => problem),
      Array.from({ length: 7 }, () => undefined),
    );
  });

  test('answers while lines are still to come', async () => {
    const url = new URL(`${rig.ingest.httpUrl}/v1/messages/batch`);
    const call = request(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${rig.keys.full}`, 'content-type': 'application/x-ndjson' },
    });
    call.write(`${JSON.stringify(line(1))}\n`);
    const [response] = await once(call, 'response');
    const parts = response[Symbol.asyncIterator]();
    const first = await parts.next();
    assert.equal(answersOf(String(first.value))[0]?.line, 1);
    call.end(`${JSON.stringify(line(2))}\n`);
    const second = await parts.next();
    assert.equal(answersOf(String(second.value))[0]?.line, 2);
    assert.equal((await parts.next()).done, true);
  });

  test('stays small however long the stream is', async () => {
    const lines = 60_000;
    const text = `${JSON.stringify(line(1))}\n`;
    const chunk = text.repeat(500);
    collectGarbage();
    const atStart = process.memoryUsage().heapUsed;
    const url = new URL(`${rig.ingest.httpUrl}/v1/messages/batch`);
    const call = request(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${rig.keys.full}`, 'content-type': 'application/x-ndjson' },
    });
    const written = (async () => {
      for (let sent = 0; sent < lines; sent += 500) {
        if (!call.write(chunk)) await once(call, 'drain');
      }
      call.end();
    })();
    const [response] = await once(call, 'response');
    let answered = 0;
    let looks = 0;
    let largest = 0;
    for await (const part of response) {
      for (const byte of part) if (byte === 0x0a) answered += 1;
      if (answered < (looks + 1) * 10_000) continue;
      looks += 1;
      collectGarbage();
      largest = Math.max(largest, process.memoryUsage().heapUsed);
    }
    await written;
    assert.equal(answered, lines);
    // Live bytes: 60,000 lines with their answers and records would be several times that.
    assert.ok(largest < atStart + 60 * 1_048_576, `${Math.round((largest - atStart) / 1_048_576)} MiB more`);
  });

  test('outlives a caller that goes away in the middle', async () => {
    const url = new URL(`${rig.ingest.httpUrl}/v1/messages/batch`);
    const call = request(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${rig.keys.full}`, 'content-type': 'application/x-ndjson' },
    });
    call.on('error', () => undefined);
    call.write(`${JSON.stringify(line(1))}\n`);
    const [response] = await once(call, 'response');
    response.on('error', () => undefined);
    call.destroy();
    assert.equal((await batch(JSON.stringify(line(2)))).length, 1);
    assert.deepEqual(rig.warnings, []);
  });
});

describe('whatever is sent', () => {
  const anything = fc.json({ maxDepth: 4 });
  const nearly = fc.record(
    {
      from: fc.oneof(fc.string(), fc.constant('ada@acme.example'), fc.anything()),
      to: fc.oneof(fc.array(fc.oneof(fc.string(), fc.emailAddress(), fc.object())), fc.anything()),
      subject: fc.oneof(fc.string({ unit: 'binary' }), fc.anything()),
      text: fc.string({ unit: 'binary' }),
      raw: fc.string(),
      raw_base64: fc.base64String(),
      template: fc.oneof(fc.string(), fc.object()),
      variables: fc.object(),
      headers: fc.dictionary(fc.string(), fc.string()),
      metadata: fc.dictionary(fc.string(), fc.string()),
      tags: fc.array(fc.string()),
      send_at: fc.oneof(fc.string(), fc.double(), fc.integer()),
      attachments: fc.array(fc.record({ filename: fc.string(), content: fc.base64String() })),
    },
    { requiredKeys: ['to'] },
  );

  test('a body is answered with 202 or a problem below 500', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          anything,
          nearly.map((body) => JSON.stringify(body) ?? ''),
        ),
        async (body) => {
          const response = await rig.call('POST', '/v1/messages', { body });
          await response.text();
          assert.ok(response.status === 202 || (response.status >= 400 && response.status < 500));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('lines are answered one by one', async () => {
    const text = fc.oneof(
      anything,
      nearly.map((body) => JSON.stringify(body) ?? ''),
      fc.string(),
    );
    const lines = fc.array(
      text.map((one) => one.replaceAll(/[\r\n]/g, ' ')),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(lines, async (all) => {
        const answers = await batch(all.join('\n'));
        const numbers = all.flatMap((one, index) => (one.trim() === '' ? [] : [index + 1]));
        assert.deepEqual(
          answers.map((answer) => answer.line),
          numbers,
        );
        assert.ok(answers.every(({ problem }) => problem?.type !== 'urn:millrace:problem:internal'));
      }),
      { numRuns: 100 },
    );
  });
});
