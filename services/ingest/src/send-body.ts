/** Body of `POST /v1/messages` and a line of `POST /v1/messages/batch`, as JSON Schema and as a type. */
import { type Static, type TSchema, Type } from 'typebox';

const strict = <P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

const addressText = (description: string) => Type.String({ description, minLength: 3, maxLength: 1_000 });
const displayName = Type.String({ description: 'Display name', maxLength: 500 });
const variables = (description: string) =>
  Type.Record(Type.String(), Type.Unknown(), { description, examples: [{ first_name: 'Ada' }] });
const moment = (description: string) =>
  Type.Union([
    Type.Integer({
      description: `${description} Milliseconds since the epoch`,
      minimum: 0,
      maximum: 8_640_000_000_000,
    }),
    Type.String({
      description: `${description} RFC 3339 date-time`,
      maxLength: 64,
      examples: ['2030-01-31T09:00:00Z'],
    }),
  ]);

const From = Type.Union([
  addressText('Address, or `Name <address>`'),
  strict({ address: addressText('Address'), name: Type.Optional(displayName) }),
]);

const Recipient = Type.Union([
  addressText('Address, or `Name <address>`'),
  strict({
    address: addressText('Address'),
    name: Type.Optional(displayName),
    variables: Type.Optional(variables("The recipient's own template variables, merged over the request's")),
  }),
]);

const AttachmentBody = strict({
  filename: Type.String({ minLength: 1, maxLength: 255, description: 'File name shown to the reader' }),
  content: Type.String({ description: 'The bytes in base64', contentEncoding: 'base64' }),
  content_type: Type.Optional(
    Type.String({
      description: 'Media type; default application/octet-stream',
      pattern: '^[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(;[ -~]{0,255})?$',
    }),
  ),
  content_id: Type.Optional(
    Type.String({
      description: 'Content-ID without angle brackets, for `cid:` links in the HTML; makes it inline',
      pattern: '^[A-Za-z0-9._@+-]{1,200}$',
    }),
  ),
});

const name = (description: string) =>
  Type.String({ description, minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f]+$' });

const properties = {
  from: Type.Optional(From),
  to: Type.Array(Recipient, {
    description: 'Recipients: each gets a message of its own, none sees another',
    minItems: 1,
    maxItems: 1_000,
  }),
  subject: Type.Optional(Type.String({ description: 'Subject', maxLength: 998 })),
  text: Type.Optional(Type.String({ description: 'Plain text body' })),
  html: Type.Optional(Type.String({ description: 'HTML body' })),
  attachments: Type.Optional(Type.Array(AttachmentBody, { maxItems: 100 })),
  headers: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 8_000 }), {
      description: 'Header fields to add, for composed and template content',
      examples: [{ 'X-Order': '4711' }],
    }),
  ),
  reply_to: Type.Optional(addressText('Reply-To: address, or `Name <address>`')),
  raw: Type.Optional(
    Type.String({ description: 'A whole RFC 5322 message as text, sent in UTF-8. Bare LF become CRLF' }),
  ),
  raw_base64: Type.Optional(
    Type.String({ description: 'A whole RFC 5322 message, its bytes in base64', contentEncoding: 'base64' }),
  ),
  template: Type.Optional(
    Type.Union([
      Type.String({ description: 'Template id: its newest version', minLength: 1, maxLength: 128 }),
      strict({
        id: Type.String({ description: 'Template id', minLength: 1, maxLength: 128 }),
        version: Type.Optional(Type.Integer({ description: 'Default: the newest', minimum: 1 })),
      }),
    ]),
  ),
  variables: Type.Optional(variables('Template variables for every recipient')),
  stream: Type.Optional(
    Type.Union([Type.Literal('realtime'), Type.Literal('batch')], {
      description: "Default: by category, else the tenant's default",
    }),
  ),
  category: Type.Optional(name('otp, password_reset, receipt, notification or a name of your own')),
  campaign: Type.Optional(name('Campaign that the messages belong to')),
  tags: Type.Optional(Type.Array(name('Tag'), { maxItems: 20, description: 'Carried into every event' })),
  metadata: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 1_000 }), {
      description: 'Up to 50 texts of your own, carried into every event',
      maxProperties: 50,
    }),
  ),
  send_at: Type.Optional(moment('Not before; at most 90 days ahead.')),
  expires_at: Type.Optional(moment('Not after: what is not delivered by then becomes an expired event.')),
  pool: Type.Optional(name("Egress pool. Default: the tenant's for the stream")),
  guarantee: Type.Optional(
    Type.Union([Type.Literal('at_least_once'), Type.Literal('at_most_once')], {
      description: 'at_most_once is for category otp',
    }),
  ),
};

const description =
  'Exactly one content: `subject` with `text` and/or `html`; or `template`; or `raw` / `raw_base64`.';

/** Body of `POST /v1/messages`. */
export const SendBody = strict(properties, { description });
export type SendBody = Static<typeof SendBody>;

/** A line of `POST /v1/messages/batch`. */
export const BatchLine = strict(
  {
    ...properties,
    idempotency_key: Type.Optional(
      Type.String({ description: 'As the header Idempotency-Key, for this line', pattern: '^[!-~]{1,255}$' }),
    ),
  },
  { description },
);
export type BatchLine = Static<typeof BatchLine>;

/** What decides a body's stream. */
export const classifiedBy = (body: Pick<SendBody, 'stream' | 'category' | 'guarantee'>) => ({
  stream: body.stream ?? null,
  category: body.category ?? null,
  guarantee: body.guarantee ?? 'at_least_once',
});
