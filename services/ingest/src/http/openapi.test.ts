import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { type Call, type Rig, startRig } from '../ingest-rig.ts';

interface Content {
  readonly schema: object;
}
interface ResponseObject {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly schema: { readonly pattern?: string } }>>;
  readonly content?: Readonly<Record<string, Content>>;
}
interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, ResponseObject>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let rig: Rig;
let document: Document;
before(async () => {
  rig = await startRig({ smtp: { enabled: false }, ingest: { max_message_bytes: 100_000 } });
  await rig.ready();
  document = JSON.parse(await (await rig.call('GET', '/openapi.json', { key: null })).text());
});
after(() => rig[Symbol.asyncDispose]());

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
ajv.addFormat('date-time', (text: string) => !Number.isNaN(Date.parse(text)));

const holds = (schema: object, value: unknown): string => {
  const check = ajv.compile(schema);
  return check(value) ? '' : ajv.errorsText(check.errors);
};

const operationOf = (method: string, path: string): Operation => {
  for (const [template, operations] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
    const operation = operations[method.toLowerCase()];
    if (pattern.test(path.split('?')[0] ?? '') && operation !== undefined) return operation;
  }
  return assert.fail(`the document does not know ${method} ${path}`);
};

/** Operation and status of every answer that was held against the document. */
const seen = new Set<string>();

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly value: unknown;
}

/** Makes a call and holds the answer against the document: status, media type, header fields, body, kind of problem. */
const call = async (method: string, path: string, options: Call = {}, of: Rig = rig): Promise<Answer> => {
  const operation = operationOf(method, path);
  const response = await of.call(method, path, options);
  const text = await response.text();
  const { status } = response;
  const where = `${method} ${path} → ${status} ${text.slice(0, 300)}`;
  const documented = operation.responses[String(status)];
  assert.ok(documented, `not documented: ${where}`);
  seen.add(`${operation.operationId} ${status}`);
  for (const [name, { schema }] of Object.entries(documented.headers ?? {})) {
    assert.match(response.headers.get(name) ?? '', new RegExp(schema.pattern ?? ''), `${name} of ${where}`);
  }
  if (documented.content === undefined) {
    assert.equal(text, '', where);
    return { status, type: undefined, value: undefined };
  }
  const media = response.headers.get('content-type')?.split(';')[0] ?? '';
  const schema = documented.content[media]?.schema;
  assert.ok(schema, `media type ${media}: ${where}`);
  if (media === 'text/csv') return { status, type: undefined, value: text };
  const lines = media === 'application/x-ndjson' ? text.split('\n').filter((line) => line !== '') : [text];
  for (const line of lines) assert.equal(holds(schema, JSON.parse(line)), '', where);
  const value: unknown = media === 'application/x-ndjson' ? lines : JSON.parse(text);
  const type =
    typeof value === 'object' && value !== null && 'type' in value ? String(value.type) : undefined;
  if (type !== undefined && status >= 400) {
    assert.ok(documented.description.split(', ').includes(type), `kind ${type}: ${where}`);
  }
  return { status, type, value };
};

const hello = { from: 'ada@acme.example', to: ['bob@gmail.com'], subject: 'Hello', text: 'Hi' };

describe('the OpenAPI document', () => {
  test('is one of version 3.1 whose operations have ids, summaries and schemas that compile', () => {
    assert.match(document.openapi, /^3\.1\.\d$/);
    const ids: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const operation of Object.values(operations)) {
        ids.push(operation.operationId);
        assert.ok(operation.summary, path);
        assert.equal(path.startsWith('/v1/'), operation.security !== undefined, path);
        const contents = [operation.requestBody, ...Object.values(operation.responses)];
        for (const content of contents) {
          for (const { schema } of Object.values(content?.content ?? {})) ajv.compile(schema);
        }
      }
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  test('says what the routes answer, for every operation and every status that a caller can bring about', async () => {
    await using lost = await startRig({ brokers: ['127.0.0.1:9'], smtp: { enabled: false } });
    const json = (body: unknown, more: Call = {}): Call => ({ body, ...more });
    const typed = (type: string, body: string): Call => ({ body, headers: { 'content-type': type } });
    const large = 'x'.repeat(1_300_000);

    for (const [method, path, body] of [
      ['POST', '/v1/messages', hello],
      ['POST', '/v1/messages/batch', undefined],
      [
        'PUT',
        '/v1/templates/welcome',
        { subject: 'Hello {{ name }}', text: 'x', headers: { 'X-A': '{{ a }}' } },
      ],
      ['GET', '/v1/templates', undefined],
      ['GET', '/v1/templates/welcome', undefined],
      ['GET', '/v1/templates/welcome/versions/1', undefined],
      ['PUT', '/v1/suppressions/bob@yahoo.com', { reason: 'complaint', streams: ['batch'], note: 'asked' }],
      ['GET', '/v1/suppressions/bob@yahoo.com', undefined],
      ['GET', '/v1/suppressions', undefined],
      ['GET', '/v1/suppressions.csv', undefined],
      ['GET', '/v1/suppressions/bob@yahoo.com/changes', undefined],
      ['DELETE', '/v1/suppressions/bob@yahoo.com', undefined],
      ['PUT', '/v1/controls/limits/source%3Aone', { reason: 'asked', limits: { max_message_rate: '1/s' } }],
      ['GET', '/v1/controls', undefined],
      ['GET', '/v1/controls/limits/source%3Aone', undefined],
      ['DELETE', '/v1/controls/limits/source%3Aone', undefined],
      ['DELETE', '/v1/templates/welcome', undefined],
    ] as const) {
      const isBatch = path.endsWith('/batch');
      const options = isBatch
        ? typed('application/x-ndjson', `${JSON.stringify(hello)}\n{}\n`)
        : body === undefined
          ? {}
          : json(body);
      assert.equal((await call(method, path, { ...options, key: null })).status, 401);
      if (!(method === 'GET' && path.includes('templates'))) {
        assert.equal((await call(method, path, { ...options, key: 'reader' })).status, 403);
      } else assert.equal((await call(method, path, { ...options, key: 'slow' })).status, 403);
      assert.ok((await call(method, path, options)).status < 300, `${method} ${path}`);
      if (body !== undefined) {
        assert.equal((await call(method, path, { body: '{"a":' })).status, 400);
        assert.equal((await call(method, path, typed('text/plain', 'x'))).status, 415);
        assert.equal((await call(method, path, json({ ...body, unknown: 1 }))).status, 422);
        assert.equal((await call(method, path, json({ ...body, note: large, text: large }))).status, 413);
      }
      if (method !== 'GET' && !isBatch) assert.equal((await call(method, path, options, lost)).status, 503);
    }
    const csv = typed('text/csv', 'address,reason\ncarol@yahoo.com,bounce\nnobody,bounce\n');
    assert.equal((await call('POST', '/v1/suppressions.csv', csv)).status, 200);
    assert.equal((await call('POST', '/v1/suppressions.csv', { ...csv, key: null })).status, 401);
    assert.equal((await call('POST', '/v1/suppressions.csv', { ...csv, key: 'reader' })).status, 403);
    assert.equal((await call('POST', '/v1/suppressions.csv', typed('text/plain', 'x'))).status, 415);
    assert.equal((await call('POST', '/v1/suppressions.csv', typed('text/csv', 'name\nx\n'))).status, 422);
    assert.equal((await call('POST', '/v1/suppressions.csv', csv, lost)).status, 503);
    for (const path of ['/v1/suppressions', '/v1/suppressions.csv']) {
      assert.equal((await call('GET', `${path}?limit=0`)).status, 422);
      assert.equal((await call('GET', path, {}, lost)).status, 503);
    }
    assert.equal((await call('GET', '/v1/suppressions/none/changes')).status, 422);
    assert.equal((await call('GET', '/v1/suppressions/none@example.org/changes', {}, lost)).status, 503);
    await call('PUT', '/v1/suppressions/@example.com');
    await call('DELETE', '/v1/suppressions/@example.com');

    assert.equal((await call('POST', '/v1/messages/batch', json(hello))).status, 415);
    assert.equal(
      (await call('PUT', '/v1/templates/bad', json({ subject: '{% if %}', text: 'x' }))).status,
      422,
    );
    assert.equal((await call('PUT', '/v1/templates/-', json({ subject: 'x', text: 'x' }))).status, 422);
    assert.equal((await call('GET', '/v1/templates/welcome/versions/0')).status, 422);
    assert.equal((await call('GET', '/v1/templates/-')).status, 422);
    assert.equal((await call('DELETE', '/v1/templates/-')).status, 422);
    assert.equal((await call('GET', '/v1/templates/none')).status, 404);
    assert.equal((await call('GET', '/v1/templates/none/versions/1')).status, 404);
    assert.equal((await call('DELETE', '/v1/templates/none')).status, 404);
    assert.equal((await call('GET', '/v1/suppressions/none@example.org')).status, 404);
    assert.equal((await call('GET', '/v1/suppressions/none')).status, 422);
    assert.equal((await call('DELETE', '/v1/suppressions/none')).status, 422);
    assert.equal((await call('GET', '/v1/suppressions/none@example.org', {}, lost)).status, 503);
    assert.equal((await call('GET', '/v1/templates/none', {}, lost)).status, 503);
    assert.equal((await call('GET', '/v1/templates/none/versions/1', {}, lost)).status, 503);
    await call('GET', '/healthz', { key: null });
    await call('GET', '/readyz', { key: null });
    assert.equal((await call('GET', '/readyz', { key: null }, lost)).status, 503);
    assert.equal((await call('GET', '/v1/templates', {}, lost)).status, 503);
    assert.equal((await call('GET', '/v1/controls', {}, lost)).status, 503);
    assert.equal((await call('GET', '/v1/controls/limits/source%3Aone', {}, lost)).status, 503);
    assert.equal((await call('GET', '/v1/controls/limits/source%3Aone')).status, 404);
    assert.equal((await call('GET', '/v1/controls/none/source%3Aone')).status, 422);
    assert.equal((await call('DELETE', '/v1/controls/limits/none')).status, 422);

    const many = { ...hello, to: Array.from({ length: 5 }, (_, index) => `u${index}@gmail.com`) };
    await call('POST', '/v1/messages', json(many, { key: 'slow' }));
    assert.equal((await call('POST', '/v1/messages', json(many, { key: 'slow' }))).status, 429);
    const keyed = { headers: { 'idempotency-key': 'openapi' } };
    const together = await Promise.all(
      Array.from({ length: 8 }, () => call('POST', '/v1/messages', json(hello, keyed))),
    );
    assert.ok(together.every(({ status }) => status === 202 || status === 409));

    // 500 and 507 are nothing that a caller can bring about, 409 only by being quick, 400 without a body only with broken HTTP.
    const missing = Object.values(document.paths)
      .flatMap((operations) => Object.values(operations))
      .flatMap(({ operationId, requestBody, responses }) =>
        Object.keys(responses)
          .filter((status) => !['500', '507', '409'].includes(status))
          .filter(
            (status) =>
              status !== '400' ||
              (requestBody !== undefined && !['sendBatch', 'importSuppressions'].includes(operationId)),
          )
          .map((status) => `${operationId} ${status}`),
      )
      .filter((one) => !seen.has(one));
    assert.deepEqual(missing, []);
  });

  test('allows every body that is taken', async () => {
    const text = fc.string({ unit: 'grapheme' });
    const mostly = <T>(right: T, other: fc.Arbitrary<unknown>) =>
      fc.oneof({ weight: 12, arbitrary: fc.constant<unknown>(right) }, { weight: 1, arbitrary: other });
    const recipient = mostly(
      'bob@gmail.com',
      fc.oneof(fc.emailAddress(), text, fc.record({ address: fc.emailAddress(), name: text })),
    );
    const body = fc.record(
      {
        from: mostly('ada@acme.example', fc.oneof(fc.record({ address: text, name: text }), text)),
        to: fc.array(recipient, { minLength: 1, maxLength: 3 }),
        subject: mostly('Hello', fc.oneof(fc.string({ unit: 'binary' }), fc.integer())),
        text: mostly('Hi', fc.oneof(fc.string({ unit: 'binary' }), fc.integer())),
        html: mostly('<p>', text),
        category: mostly('receipt', fc.constantFrom('otp', '', 'own', '\n')),
        stream: mostly('realtime', fc.constantFrom('batch', 'other')),
        tags: mostly(['a'], fc.array(text, { maxLength: 25 })),
        metadata: mostly({ a: 'b' }, fc.dictionary(text, text, { maxKeys: 60 })),
        headers: mostly({ 'X-A': 'a' }, fc.dictionary(fc.constantFrom('X-B', 'From', ''), text)),
        send_at: mostly(0, fc.oneof(fc.integer(), fc.constant('2030-01-31T09:00:00Z'), text)),
        guarantee: mostly('at_least_once', fc.constant('at_most_once')),
      },
      { requiredKeys: ['from', 'to', 'subject', 'text'] },
    );
    const schema = operationOf('POST', '/v1/messages').requestBody?.content['application/json']?.schema;
    assert.ok(schema);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const sent: unknown = JSON.parse(JSON.stringify(value));
        const { status } = await call('POST', '/v1/messages', { body: sent });
        const wrong = holds(schema, sent);
        if (status === 202) {
          taken += 1;
          assert.equal(wrong, '');
        }
        if (wrong !== '') assert.equal(status, 422);
      }),
      { numRuns: 200 },
    );
    assert.ok(taken > 20, `${taken} were taken`);
  });
});
