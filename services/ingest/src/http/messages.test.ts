import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isMessageId } from '@millrace/core';
import { type Rig, startRig } from '../ingest-rig.ts';
import type { Submitted } from '../submitter.ts';

let rig: Rig;
before(async () => {
  rig = await startRig();
  await rig.ready();
});
after(() => rig[Symbol.asyncDispose]());

const hello = { from: 'Ada <ada@acme.example>', to: ['bob@gmail.com'], subject: 'Hello', text: 'Hi' };

const send = (body: unknown, headers: Record<string, string> = {}) =>
  rig.call('POST', '/v1/messages', { body, headers });

interface ProblemBody {
  readonly type: string;
  readonly detail: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}

const problemOf = async (response: Response): Promise<ProblemBody> => {
  assert.equal(response.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  return JSON.parse(await response.text());
};

const submittedOf = async (response: Response): Promise<Submitted> => JSON.parse(await response.text());

const requestsOf = async (requestId: string) =>
  (await rig.requests()).filter(({ value }) => value.request_id === requestId);

describe('POST /v1/messages', () => {
  test('puts a request on the topic of its stream: explicit, of its category, or the default', async () => {
    const topicOf = async (fields: object): Promise<string | undefined> => {
      const { request_id: id } = await submittedOf(
        await send({ ...hello, to: ['bob@gmail.com'], ...fields }),
      );
      return (await requestsOf(id))[0]?.topic;
    };
    assert.equal(await topicOf({ stream: 'realtime' }), 'mail.requests.realtime');
    assert.equal(await topicOf({ category: 'otp' }), 'mail.requests.realtime');
    assert.equal(await topicOf({ category: 'otp', stream: 'batch' }), 'mail.requests');
    assert.equal(await topicOf({}), 'mail.requests');
  });

  test('answers 202 with an id for each recipient when the record is in Kafka', async () => {
    const sendAt = Date.now() + 3_600_000;
    const response = await send({
      ...hello,
      to: ['bob@gmail.com', { address: 'zoë@münchen.example', name: 'Zoë' }],
      category: 'receipt',
      tags: ['a', 'b'],
      metadata: { order: '4711' },
      headers: { 'X-Order': '4711' },
      reply_to: 'help@acme.example',
      send_at: new Date(sendAt).toISOString().replace('Z', '+00:00'),
    });
    assert.equal(response.status, 202);
    const answer = await submittedOf(response);
    assert.deepEqual(
      answer.messages.map(({ to }) => to),
      ['bob@gmail.com', 'zoë@münchen.example'],
    );
    const [record] = await requestsOf(answer.request_id);
    assert.ok(record);
    const { value } = record;
    assert.equal(record.key?.toString(), `acme/${answer.request_id}`);
    assert.deepEqual(
      value.recipients.map(({ message_id }) => message_id),
      answer.messages.map(({ message_id }) => message_id),
    );
    assert.ok(value.recipients.every(({ message_id }) => message_id !== null && isMessageId(message_id)));
    assert.equal(value.tenant, 'acme');
    assert.equal(value.via, 'http');
    assert.deepEqual({ ...value.mail_from }, { address: 'ada@acme.example', name: 'Ada' });
    assert.equal(value.composed?.text, 'Hi');
    assert.deepEqual(
      value.headers.map((header) => ({ ...header })),
      [{ name: 'X-Order', value: '4711' }],
    );
    assert.deepEqual({ ...value.metadata }, { order: '4711' });
    assert.equal(value.reply_to, 'help@acme.example');
    assert.equal(value.send_at, sendAt);
  });

  test('keeps the bytes of a raw message and takes From out of it', async () => {
    const raw = Buffer.concat([
      Buffer.from('From: =?utf-8?q?Ad=C3=A4?= <ada@acme.example>\r\nSubject: x\r\n\r\n.dot\r\nlatin1: '),
      Buffer.from([0xe4, 0xff, 0x00, 0x80]),
      Buffer.from('\r\n'),
    ]);
    const response = await send({ to: ['bob@gmail.com'], raw_base64: raw.toString('base64') });
    assert.equal(response.status, 202);
    const [record] = await requestsOf((await submittedOf(response)).request_id);
    assert.deepEqual(record?.value.raw, raw);
    assert.equal(record?.value.mail_from.address, 'ada@acme.example');
  });

  test('gives raw text the line ends of mail', async () => {
    const response = await send({
      to: ['bob@gmail.com'],
      raw: 'From: ada@acme.example\nSubject: x\n\nä\r\n',
    });
    const [record] = await requestsOf((await submittedOf(response)).request_id);
    assert.equal(record?.value.raw?.toString(), 'From: ada@acme.example\r\nSubject: x\r\n\r\nä\r\n');
  });

  test('shares many recipients with large variables out over several records', async () => {
    await rig.call('PUT', '/v1/templates/large', { body: { subject: '{{ v }}', text: 'x' } });
    const to = Array.from({ length: 300 }, (_, index) => ({
      address: `user${index}@gmail.com`,
      variables: { v: 'x'.repeat(2_000) },
    }));
    const response = await send({ from: 'ada@acme.example', to, template: 'large' });
    assert.equal(response.status, 202);
    const answer = await submittedOf(response);
    const records = await requestsOf(answer.request_id);
    assert.ok(records.length > 1);
    assert.deepEqual(
      new Set(records.flatMap(({ value }) => value.recipients.map(({ message_id }) => message_id))),
      new Set(answer.messages.map(({ message_id }) => message_id)),
    );
  });

  const wrong: readonly (readonly [string, object, string])[] = [
    ['no recipient', { to: [] }, 'to'],
    ['an address that is none', { to: ['bob@gmail.com', 'bob'] }, 'to[1]'],
    ['a recipient object that is wrong', { to: [{ address: 'bob@-x-' }] }, 'to[0]'],
    ['a sender that is none', { from: 'ada' }, 'from'],
    ['no sender', { from: undefined }, 'from'],
    ['two contents', { template: 'x' }, 'subject'],
    ['no content', { text: undefined }, 'text'],
    ['a reserved header', { headers: { 'Message-ID': 'x' } }, 'headers.Message-ID'],
    ['a header that breaks the line', { headers: { 'X-A': 'x\r\nBcc: y' } }, 'headers.X-A'],
    ['a time that is none', { send_at: 'tomorrow' }, 'send_at'],
    ['a time that has passed', { expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    ['an unknown pool', { pool: 'nowhere' }, 'pool'],
    [
      'an attachment that is not base64',
      { attachments: [{ filename: 'a', content: '#' }] },
      'attachments[0].content',
    ],
    ['at_most_once where it is not for', { guarantee: 'at_most_once' }, 'guarantee'],
    ['variables without a template', { variables: {} }, 'variables'],
  ];
  for (const [what, change, field] of wrong) {
    test(`refuses ${what} and names ${field}`, async () => {
      const response = await send({ ...hello, ...change });
      assert.equal(response.status, 422);
      const problem = await problemOf(response);
      assert.equal(problem.type, 'urn:millrace:problem:invalid-request');
      assert.equal(problem.errors?.[0]?.field, field);
    });
  }

  test('names a template that is not there', async () => {
    const response = await send({ from: 'ada@acme.example', to: ['bob@gmail.com'], template: 'nothing' });
    assert.equal(response.status, 422);
    const problem = await problemOf(response);
    assert.equal(problem.type, 'urn:millrace:problem:unknown-template');
    assert.equal(problem.errors?.[0]?.field, 'template');
  });

  test('refuses a sender domain of another tenant, and of a raw message too', async () => {
    const raw = 'From: eve@umbrella.example\r\n\r\nx';
    for (const body of [
      { ...hello, from: 'eve@umbrella.example' },
      { to: ['bob@gmail.com'], raw },
    ]) {
      const response = await send(body);
      assert.equal(response.status, 403);
      assert.equal((await problemOf(response)).type, 'urn:millrace:problem:sender-not-allowed');
    }
  });

  test('says where a body stops being JSON', async () => {
    const response = await send('{"to": ["a@b.example"], }');
    assert.equal(response.status, 400);
    assert.match((await problemOf(response)).detail, /position 24/);
  });

  test('knows only JSON', async () => {
    const response = await send('x', { 'content-type': 'text/plain' });
    assert.equal(response.status, 415);
  });

  test('refuses what is too large', async () => {
    const small = await startRig({
      ingest: { max_message_bytes: 10_000 },
      smtp: { enabled: false },
      installation: rig.installation,
    });
    await using _ = small;
    await small.ready();
    const content = await small.call('POST', '/v1/messages', {
      body: { ...hello, text: 'x'.repeat(10_001) },
    });
    assert.equal(content.status, 413);
    const body = await small.call('POST', '/v1/messages', {
      body: { ...hello, text: 'x'.repeat(1_200_000) },
    });
    assert.equal(body.status, 413);
  });
});

describe('API keys', () => {
  test('are needed', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer mr_full_0123456789abcdef' },
      { authorization: 'Basic x' },
    ]) {
      const response = await rig.call('POST', '/v1/messages', { key: null, body: hello, headers });
      assert.equal(response.status, 401);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.equal((await problemOf(response)).type, 'urn:millrace:problem:unauthenticated');
    }
  });

  test('do only what their scopes say', async () => {
    const reader = await rig.call('POST', '/v1/messages', { key: 'reader', body: hello });
    assert.equal(reader.status, 403);
    const batch = await rig.call('POST', '/v1/messages', { key: 'batch', body: hello });
    assert.equal(batch.status, 202);
    const realtime = await rig.call('POST', '/v1/messages', {
      key: 'batch',
      body: { ...hello, category: 'otp' },
    });
    assert.equal(realtime.status, 403);
    assert.equal((await problemOf(realtime)).errors?.[0]?.field, 'stream');
  });

  test('have a rate, and the refusal says when to come back', async () => {
    const to = ['a@gmail.com', 'b@gmail.com', 'c@gmail.com', 'd@gmail.com', 'e@gmail.com'];
    const first = await rig.call('POST', '/v1/messages', { key: 'slow', body: { ...hello, to } });
    assert.equal(first.status, 202);
    const second = await rig.call('POST', '/v1/messages', { key: 'slow', body: { ...hello, to } });
    assert.equal(second.status, 429);
    assert.ok(Number(second.headers.get('retry-after')) >= 1);
  });
});

describe('Idempotency-Key', () => {
  test('gives the first answer again and writes one record', async () => {
    const headers = { 'idempotency-key': 'order-1' };
    const [first, second] = [await send(hello, headers), await send(hello, headers)];
    assert.deepEqual([first.status, second.status], [202, 202]);
    assert.equal(first.headers.get('idempotency-status'), 'stored');
    assert.equal(second.headers.get('idempotency-status'), 'replayed');
    const [a, b] = [await submittedOf(first), await submittedOf(second)];
    assert.deepEqual(a, b);
    const records = await requestsOf(a.request_id);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.key?.toString(), 'acme/order-1');
  });

  test('belongs to one body', async () => {
    const headers = { 'idempotency-key': 'order-2' };
    await send(hello, headers);
    const other = await send({ ...hello, text: 'Other' }, headers);
    assert.equal(other.status, 422);
    assert.equal((await problemOf(other)).type, 'urn:millrace:problem:idempotency-mismatch');
  });

  test('lets one of many at once through and puts the others off or answers alike', async () => {
    const headers = { 'idempotency-key': 'order-3' };
    const responses = await Promise.all(Array.from({ length: 8 }, () => send(hello, headers)));
    const accepted = responses.filter(({ status }) => status === 202);
    assert.ok(accepted.length >= 1);
    for (const response of responses.filter(({ status }) => status !== 202)) {
      assert.equal(response.status, 409);
      assert.ok(Number(response.headers.get('retry-after')) >= 1);
    }
    const ids = new Set(
      await Promise.all(accepted.map(async (response) => (await submittedOf(response)).request_id)),
    );
    assert.equal(ids.size, 1);
  });

  test('is free again after a request that was refused', async () => {
    const headers = { 'idempotency-key': 'order-4' };
    assert.equal((await send({ ...hello, to: ['bob'] }, headers)).status, 422);
    assert.equal((await send({ ...hello, from: 'eve@umbrella.example' }, headers)).status, 403);
    assert.equal((await send(hello, headers)).status, 202);
  });

  test('is apart for each tenant', async () => {
    const headers = { 'idempotency-key': 'order-1' };
    const body = { ...hello, from: 'eve@umbrella.example' };
    const response = await rig.call('POST', '/v1/messages', { key: 'other', body, headers });
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('idempotency-status'), 'stored');
  });

  test('cannot be compared while Redis is away: the request is taken and the answer says so', async () => {
    await using alone = await startRig({
      redisUrl: 'redis://127.0.0.1:9',
      smtp: { enabled: false },
      installation: rig.installation,
    });
    await alone.ready();
    const headers = { 'idempotency-key': 'order-5' };
    const response = await alone.call('POST', '/v1/messages', { body: hello, headers });
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('idempotency-status'), 'unchecked');
  });
});

describe('Kafka is away', () => {
  test('requests get 503 with Retry-After, at once', async () => {
    await using lost = await startRig({ brokers: ['127.0.0.1:9'], smtp: { enabled: false } });
    for (const path of ['/v1/messages', '/v1/templates/x']) {
      const method = path === '/v1/messages' ? 'POST' : 'PUT';
      const body = path === '/v1/messages' ? hello : { subject: 'x', text: 'x' };
      const response = await lost.call(method, path, { body });
      assert.equal(response.status, 503);
      assert.ok(Number(response.headers.get('retry-after')) >= 1);
      assert.equal((await problemOf(response)).type, 'urn:millrace:problem:unavailable');
    }
    assert.equal((await lost.call('GET', '/readyz', { key: null })).status, 503);
    assert.equal((await lost.call('GET', '/healthz', { key: null })).status, 200);
  });
});
