/** Answers as JSON Schema: what the OpenAPI document says, and what tests hold real answers against. */
import { type TSchema, Type } from 'typebox';
import { type ProblemKind, problemKinds, statusOf, typeOf } from '../problem.ts';

const text = (description: string, options: Record<string, unknown> = {}) =>
  Type.String({ description, ...options });
const strict = <P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

const messageId = text('UUIDv7 of the message: what every event and `millrace trace` name', {
  format: 'uuid',
  examples: ['01936b2e-7f3a-7cc1-9b1e-0f6a5d2c4e71'],
});

export const ProblemSchema = strict(
  {
    type: text('Kind of problem, stable', { examples: [typeOf('invalid-request')] }),
    title: text('The kind in words'),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: text('What was wrong this time'),
    errors: Type.Optional(
      Type.Array(
        strict({
          field: text('Path inside the body, name of a header or parameter', { examples: ['to[3]'] }),
          message: text('What is wrong with it'),
        }),
      ),
    ),
  },
  { description: 'Problem details (RFC 9457)' },
);

export const SubmittedSchema = strict({
  request_id: text('Id of the request', { examples: ['01936b2e-7f3a-7cc1-9b1e-0f6a5d2c4e70'] }),
  messages: Type.Array(strict({ message_id: messageId, to: text('The recipient') }), {
    description: 'One for each recipient, in their order',
  }),
});

export const BatchAnswerSchema = Type.Union([
  strict({
    line: Type.Integer({ description: 'Number of the line that this answers, from 1' }),
    request_id: text('Id of the request'),
    message_ids: Type.Array(messageId, { description: "In the order of the line's recipients" }),
  }),
  strict({
    line: Type.Integer({ description: 'Number of the line that this answers, from 1' }),
    problem: ProblemSchema,
    retry_after: Type.Optional(
      Type.Integer({ description: 'Seconds; when the same line may be sent again' }),
    ),
  }),
]);

const language = Type.Union([Type.Literal('liquid'), Type.Literal('handlebars')], {
  description: 'Default: liquid',
});

export const TemplateBody = strict(
  {
    language: Type.Optional(language),
    subject: Type.String({ description: 'Source of the subject', minLength: 1, maxLength: 10_000 }),
    text: Type.Optional(Type.String({ description: 'Source of the plain text', maxLength: 262_144 })),
    html: Type.Optional(
      Type.String({
        description: 'Source of the HTML; what variables put in is escaped',
        maxLength: 262_144,
      }),
    ),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 8_000 }), {
        description: 'Header fields added to every message of this template',
      }),
    ),
  },
  { examples: [{ subject: 'Hello {{ name }}', html: '<p>Your code is <b>{{ code }}</b></p>' }] },
);

export const TemplateSchema = strict({
  id: text('Template id'),
  version: Type.Integer({ minimum: 1 }),
  language,
  subject: Type.String(),
  text: Type.Union([Type.String(), Type.Null()]),
  html: Type.Union([Type.String(), Type.Null()]),
  headers: Type.Record(Type.String(), Type.String()),
  created_at: text('RFC 3339', { format: 'date-time' }),
  versions: Type.Array(Type.Integer(), { description: 'Every version that can be read, oldest first' }),
});

export const TemplateListSchema = strict({
  templates: Type.Array(
    strict({
      id: text('Template id'),
      version: Type.Integer({ description: 'The newest', minimum: 1 }),
      language,
      created_at: text('When the newest version was stored, RFC 3339', { format: 'date-time' }),
    }),
  ),
});

const streams = Type.Array(Type.Union([Type.Literal('realtime'), Type.Literal('batch')]), {
  description: 'Streams that it applies to; empty: all',
});

export const SuppressionBody = strict({
  reason: Type.Optional(
    Type.Union(
      [
        Type.Literal('manual'),
        Type.Literal('bounce'),
        Type.Literal('complaint'),
        Type.Literal('unsubscribe'),
      ],
      { description: 'Default: manual' },
    ),
  ),
  streams: Type.Optional(streams),
  expires_at: Type.Optional(text('RFC 3339; default: never', { maxLength: 64 })),
  note: Type.Optional(text('Why, for people', { maxLength: 1_000 })),
  list: Type.Optional(
    text('Only messages of this list (category); `*`: of every list; default: in general', {
      maxLength: 100,
    }),
  ),
  author: Type.Optional(text('Who; default: the id of the API key', { maxLength: 100 })),
});

export const SuppressionSchema = strict({
  address: text('Lower case, domain as A-labels; `@example.com` is a whole domain'),
  reason: text('manual, bounce, complaint or unsubscribe'),
  streams: Type.Array(Type.String(), { description: 'Streams that must not send to it' }),
  list: Type.Union([Type.String(), Type.Null()], { description: 'The list that was asked about or named' }),
});

const orNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description });
const reasonText = text('manual, bounce, complaint or unsubscribe');

export const SuppressionRowSchema = strict({
  address: text('Lower case, domain as A-labels; `@example.com` is a whole domain'),
  reason: reasonText,
  streams: Type.Array(Type.String(), { description: 'Streams that it applies to; empty: all' }),
  list: orNull('The list that it applies to; `*`: every list; null: everything'),
  created_at: text('RFC 3339', { format: 'date-time' }),
  expires_at: orNull('RFC 3339; null: never'),
  author: text('Who'),
  note: orNull('Why'),
  message_id: orNull('The message whose bounce, complaint or unsubscription it was'),
});

export const SuppressionChangeSchema = strict({
  change: text('added or removed'),
  time: text('RFC 3339', { format: 'date-time' }),
  list: orNull('The list that it was about'),
  reason: text('As of the suppression; empty where it was removed'),
  author: text('Who'),
  note: orNull('Why'),
  expires_at: orNull('RFC 3339; null: never'),
  message_id: orNull('The message whose bounce, complaint or unsubscription it was'),
});

export const ImportedSchema = strict({
  added: Type.Integer({ description: 'Rows that are suppressions now' }),
  refused: Type.Integer({ description: 'Rows that were wrong' }),
  errors: Type.Array(
    strict({
      line: Type.Integer({ description: 'From 1' }),
      message: text('What is wrong with it'),
    }),
    { description: 'The first hundred of those' },
  ),
});

export const HealthSchema = strict({
  status: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
  kafka: Type.Optional(Type.Boolean()),
  redis: Type.Optional(Type.Boolean()),
});

/** Problems that any request may end with. */
const everywhere: readonly ProblemKind[] = ['malformed-request', 'internal'];

const headerText = (description: string, pattern: string) => ({ type: 'string', description, pattern });
const retryAfter = { 'Retry-After': headerText('Seconds after which to try again', '^[1-9][0-9]*$') };
/** Header fields that every answer with this status has. */
const problemHeaders: Readonly<Record<number, object>> = {
  401: { 'WWW-Authenticate': headerText('How to authenticate (RFC 6750 3)', '^Bearer ') },
  409: retryAfter,
  429: retryAfter,
  503: retryAfter,
};
const headersOf = (status: number): object =>
  problemHeaders[status] === undefined ? {} : { headers: problemHeaders[status] };

/** The `response` part of a route's schema: its success and its problems, by status. */
export const responses = (
  success: {
    readonly status: number;
    readonly description: string;
    readonly type?: string;
    readonly schema?: TSchema;
  },
  problems: readonly ProblemKind[],
): Record<string, unknown> => {
  const kinds = problemKinds.filter((kind) => problems.includes(kind) || everywhere.includes(kind));
  const byStatus = Map.groupBy(kinds, statusOf);
  return Object.fromEntries([
    [
      success.status,
      success.schema === undefined
        ? { description: success.description, type: 'null' }
        : {
            description: success.description,
            content: { [success.type ?? 'application/json']: { schema: success.schema } },
          },
    ],
    ...[...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map(typeOf).join(', '),
        ...headersOf(status),
        content: { 'application/problem+json': { schema: ProblemSchema } },
      },
    ]),
  ]);
};
