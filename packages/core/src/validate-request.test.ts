import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SendRequest } from '@millrace/schemas';
import { maySendFrom, tenantFacts } from './tenant-facts.ts';
import { validateSendRequest } from './validate-request.ts';

const now = 1_700_000_000_000;
const facts = tenantFacts({
  tenants: {
    acme: {
      default_stream: 'batch',
      categories: {},
      from_domains: ['acme.example', 'bücher.example'],
      pools: { realtime: 'fast', batch: 'bulk' },
    },
    signer: {
      default_stream: 'batch',
      categories: {},
      from_domains: [],
      pools: { realtime: 'fast', batch: 'bulk' },
    },
  },
  pools: { fast: { stream: 'realtime' }, bulk: { stream: 'batch' } },
  dkim: [{ domain: 'signed.example' }],
});

const good: SendRequest = {
  request_id: '',
  tenant: 'acme',
  idempotency_key: null,
  accepted_at: 0,
  via: 'avro',
  stream: null,
  category: null,
  campaign: null,
  mail_from: { address: 'news@acme.example', name: 'Acme' },
  recipients: [{ message_id: null, address: 'a@example.com', name: null, variables: null }],
  raw: null,
  blob: null,
  template_id: null,
  template_version: null,
  variables: null,
  composed: { subject: 'Hello', text: 'Hi', html: null, attachments: [] },
  headers: [],
  reply_to: null,
  tags: [],
  metadata: {},
  send_at: null,
  expires_at: null,
  pool: null,
  guarantee: 'at_least_once',
  routing_attempts: 0,
};
const [recipient] = good.recipients;

const problems = (change: Partial<SendRequest>): readonly string[] => {
  const request = { ...good, ...change };
  return validateSendRequest(request, facts.get(request.tenant), now).map(
    ({ field, code }) => `${field} ${code}`,
  );
};

test('a good request has no problems', () => {
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ composed: null, raw: Buffer.from('From: a\r\n\r\nx') }), []);
  assert.deepEqual(problems({ composed: null, template_id: 'welcome', variables: '{"a":1}' }), []);
});

test('exactly one content', () => {
  assert.deepEqual(problems({ composed: null }), [' one_content']);
  assert.deepEqual(problems({ template_id: 'welcome' }), [' one_content']);
  assert.deepEqual(problems({ raw: Buffer.from('x') }), [' one_content']);
  assert.deepEqual(problems({ composed: null, raw: Buffer.alloc(0) }), ['raw empty']);
  assert.deepEqual(problems({ composed: { subject: '', text: null, html: null, attachments: [] } }), [
    'composed no_body',
  ]);
});

test('tenant, stream, pool and guarantee must be known and fit', () => {
  assert.deepEqual(problems({ tenant: 'nobody' }), ['tenant unknown_tenant']);
  assert.deepEqual(problems({ tenant: '__proto__' }), ['tenant unknown_tenant']);
  assert.deepEqual(problems({ stream: 'express' }), ['stream unknown_stream']);
  assert.deepEqual(problems({ pool: 'none' }), ['pool unknown_pool']);
  assert.deepEqual(problems({ pool: 'fast' }), ['pool wrong_stream']);
  assert.deepEqual(problems({ pool: 'fast', stream: 'realtime' }), []);
  assert.deepEqual(problems({ guarantee: 'exactly_once' }), ['guarantee unknown_guarantee']);
  assert.deepEqual(problems({ guarantee: 'at_most_once', category: 'receipt' }), [
    'guarantee not_for_category',
  ]);
  assert.deepEqual(problems({ guarantee: 'at_most_once', category: 'otp' }), []);
});

test('recipients are named by their place', () => {
  assert.deepEqual(problems({ recipients: [] }), ['recipients empty']);
  assert.ok(recipient !== undefined);
  const id = '018bcfe5-6800-7000-8000-000000000000';
  assert.deepEqual(
    problems({
      recipients: [
        recipient,
        { ...recipient, address: 'nobody' },
        { ...recipient, variables: '[1]' },
        { ...recipient, message_id: 'x' },
        { ...recipient, message_id: id },
        { ...recipient, message_id: id },
      ],
    }),
    [
      'recipients[1].address no_at',
      'recipients[2].variables not_an_object',
      'recipients[3].message_id bad_message_id',
      'recipients[5].message_id duplicate',
    ],
  );
  assert.deepEqual(problems({ recipients: Array(1_001).fill(recipient) }), ['recipients too_many']);
});

test('a tenant sends from its own domains, their subdomains, or else those it signs for', () => {
  assert.deepEqual(problems({ mail_from: { address: 'a@mail.acme.example', name: null } }), []);
  assert.deepEqual(problems({ mail_from: { address: 'a@BÜCHER.example', name: null } }), []);
  assert.deepEqual(problems({ mail_from: { address: 'a@notacme.example', name: null } }), [
    'mail_from.address from_not_allowed',
  ]);
  const signer = facts.get('signer');
  assert.ok(signer !== undefined);
  assert.equal(maySendFrom(signer, 'signed.example'), true);
  assert.equal(maySendFrom(signer, 'acme.example'), false);
});

test('a tenant whose from_domains are * sends from every domain', () => {
  const anyone = tenantFacts({
    tenants: {
      local: {
        default_stream: 'batch',
        categories: {},
        from_domains: ['*'],
        pools: { realtime: 'realtime', batch: 'batch' },
      },
    },
    pools: {},
    dkim: [],
  }).get('local');
  assert.ok(anyone !== undefined);
  assert.equal(maySendFrom(anyone, 'shop.example'), true);
  assert.equal(maySendFrom(anyone, 'xn--bcher-kva.example'), true);
});

test('no header can be smuggled in', () => {
  const breaking = 'x\r\nBcc: victim@example.com';
  assert.deepEqual(problems({ headers: [{ name: 'X-A', value: breaking }] }), [
    'headers[0].value line_break',
  ]);
  assert.deepEqual(problems({ headers: [{ name: 'X-A:', value: 'x' }] }), [
    'headers[0].name bad_header_name',
  ]);
  assert.deepEqual(problems({ headers: [{ name: 'From', value: 'x' }] }), [
    'headers[0].name reserved_header',
  ]);
  assert.deepEqual(problems({ composed: { subject: breaking, text: '', html: null, attachments: [] } }), [
    'composed.subject line_break',
  ]);
  assert.deepEqual(problems({ mail_from: { address: 'a@acme.example', name: breaking } }), [
    'mail_from.name line_break',
  ]);
  assert.deepEqual(problems({ reply_to: `a@acme.example\r\nBcc: b@c.de` }), ['reply_to control_character']);
  assert.deepEqual(problems({ tags: [breaking] }), ['tags[0] line_break']);
});

test('times that make no sense are refused', () => {
  const day = 86_400_000;
  assert.deepEqual(problems({ send_at: now + 89 * day }), []);
  assert.deepEqual(problems({ send_at: now + 91 * day }), ['send_at too_far']);
  assert.deepEqual(problems({ send_at: now + 2 * day, expires_at: now + day }), ['expires_at before_start']);
  assert.deepEqual(problems({ accepted_at: now + day }), ['accepted_at bad_time']);
  assert.deepEqual(problems({ expires_at: now - day }), []);
});

test('variables must be JSON objects', () => {
  assert.deepEqual(problems({ variables: '{' }), ['variables bad_json']);
  assert.deepEqual(problems({ variables: 'null' }), ['variables not_an_object']);
});

test('header fields do not go with a raw message', () => {
  const raw = Buffer.from('Subject: x\r\n\r\nx');
  assert.deepEqual(problems({ composed: null, raw, headers: [{ name: 'X-A', value: 'b' }] }), [
    'headers not_for_raw',
  ]);
});
