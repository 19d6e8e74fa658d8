/** What endpoints get, as JSON Schema: one definition for each type of event. docs/webhooks.schema.json is made from it. */
import { type FieldGroup, fieldGroups, type WebhookType, webhookTypes, webhookVersion } from '@millrace/core';
import { type TSchema, Type } from 'typebox';

const text = (description: string) => Type.String({ description });
const time = (description: string) => Type.String({ description, format: 'date-time' });
const orNull = (schema: TSchema, description: string) => Type.Union([schema, Type.Null()], { description });
const textOrNull = (description: string) => orNull(Type.String(), description);
const numberOrNull = (description: string) => orNull(Type.Integer(), description);

/** Of every event. */
const common = {
  message_id: text('UUIDv7, the same through every retry of the message'),
  request_id: text('As the answer of the API named the request'),
  stream: textOrNull('realtime or batch'),
  category: textOrNull('otp, password_reset, receipt, notification or a name of the producer’s own'),
  campaign: textOrNull('As the request named it'),
  recipient: text('Address'),
  tags: Type.Array(Type.String(), { description: 'As the request had them' }),
  metadata: Type.Record(Type.String(), Type.String(), { description: 'As the request had it' }),
};

const groups: Readonly<Record<FieldGroup, Readonly<Record<string, TSchema>>>> = {
  way: {
    isp: textOrNull('Mailbox provider, such as gmail'),
    pool: textOrNull('Egress pool'),
    source: textOrNull('Egress source'),
  },
  try: {
    attempt: Type.Integer({ description: '1 for the first try; 0 without a try' }),
    mx: textOrNull('Host that answered'),
    phase: textOrNull('Where the try ended: dns, proxy, connect, tls, ehlo, mail, rcpt, data, body'),
  },
  answer: {
    reply_code: numberOrNull('RFC 5321 reply code'),
    enhanced_code: textOrNull('RFC 3463 status code'),
    text: textOrNull('What was said, or what was wrong'),
  },
  reason: { reason: textOrNull('Category, such as invalid_recipient or mailbox_full') },
  late: { late: Type.Boolean({ description: 'Whether a report said so after the provider had taken it' }) },
  delivered: {
    latency_ms: numberOrNull('From acceptance to the provider’s 250, ms'),
    size_bytes: numberOrNull('Of the mail as it was sent'),
    tls: textOrNull('TLS protocol; null: none'),
  },
  next: { next_attempt_at: orNull(Type.String({ format: 'date-time' }), 'When it is tried again') },
  shaped: {
    rule: text('The rule that fired'),
    scope: text('What it is about, such as lane:batch/gmail/ip1 or campaign:acme/spring'),
    until: orNull(
      Type.String({ format: 'date-time' }),
      'How long what it does holds; null: until it is undone',
    ),
    acted: Type.Boolean({ description: 'false: it only told what it would do' }),
    alert: textOrNull('What people should know'),
  },
};

const meanings: Readonly<Record<WebhookType, string>> = {
  'message.accepted': 'A request was taken, this is one of its messages',
  'message.routed': 'It has a provider and a pool',
  'message.deferred': 'The provider did not take it now; it is tried again',
  'message.delivered': 'The provider took it',
  'message.bounced': 'It was refused for good, at once or by a report afterwards',
  'message.expired': 'It grew too old while it was tried',
  'message.suppressed': 'It was not sent: the address is suppressed',
  'message.rejected': 'It could not be sent as it was asked for',
  'message.cancelled': 'An operator ended it',
  'message.complained': 'Its recipient called it spam',
  'message.unsubscribed': 'Its recipient unsubscribed',
  'message.auto_replied': 'Its recipient’s mailbox answered by itself, such as during a vacation',
  'sending.shaped': 'The answer to this message made a rule change what is sent',
  'sending.spike':
    'A rate of complaints, bounces or blocks went over its threshold; this message was the last of it',
  'webhook.test': '`millrace webhook test`',
};

const eventSchema = (type: WebhookType): TSchema =>
  Type.Object(
    {
      id: text('The same however often the event is posted: forget what you have seen'),
      type: Type.Literal(type),
      timestamp: time('When it happened'),
      data: Type.Object(Object.assign({}, common, ...fieldGroups[type].map((group) => groups[group]))),
    },
    { description: meanings[type] },
  );

/** Schema of each type of event. */
export const eventSchemas: ReadonlyMap<WebhookType, TSchema> = new Map(
  webhookTypes.map((type) => [type, eventSchema(type)]),
);

/** JSON Schema 2020-12 of a request's body. */
export const payloadJsonSchema = (): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Body of a webhook',
  description: 'Fields may be added within a version',
  type: 'object',
  required: ['version', 'events'],
  properties: {
    version: { const: webhookVersion },
    events: {
      type: 'array',
      minItems: 1,
      items: { oneOf: webhookTypes.map((type) => ({ $ref: `#/$defs/${type}` })) },
    },
  },
  $defs: Object.fromEntries(eventSchemas),
});
