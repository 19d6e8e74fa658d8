/** What a shaping file may say of automation. */
import { isps, streams } from '@millrace/core';
import { type Static, type TSchema, Type } from 'typebox';
import { durationExpected, durationForm, rateExpected, rateForm } from './quantities.ts';

const strict = <P extends Record<string, TSchema>>(properties: P, description: string) =>
  Type.Object(properties, { additionalProperties: false, description });
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const count = (description: string, fallback?: number) =>
  Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    description,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
const duration = (description: string, fallback?: string) =>
  Type.String({
    pattern: durationForm,
    expected: durationExpected,
    description,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
const rate = (description: string, fallback?: string) =>
  Type.String({
    pattern: rateForm,
    expected: rateExpected,
    description,
    ...(fallback === undefined ? {} : { default: fallback }),
  });
const name = (description: string) => Type.String({ pattern: '^\\S+$', description });

const Recovery = strict(
  {
    from: rate('Mails in the first step after a suspension; a limit begins where it stands', '10/min'),
    every: duration('Length of a step', '5m'),
    factor: Type.Number({
      exclusiveMinimum: 1,
      maximum: 100,
      default: 2,
      description: 'Rates and connections grow by it at each step',
    }),
    steps: Type.Integer({ minimum: 1, maximum: 100, default: 10, description: 'Steps, then it is over' }),
  },
  'How the limit comes back: in steps, while no more such answers come. Absent: at once',
);

const Limit = strict(
  {
    connection_limit: optional(count('Connections at once')),
    max_connection_rate: optional(rate('New connections')),
    max_message_rate: optional(rate('Mails')),
    max_deliveries_per_connection: optional(count('Mails of one connection')),
    burst: optional(count('Mails above that rate at once')),
  },
  'No more than this, whatever else is said',
);

export const RuleEntry = strict(
  {
    name: name('Its name in events, controls and metrics'),
    trigger: Type.Enum(['answer', 'complaint'], {
      default: 'answer',
      description:
        'What it is about: negative answers to tries, or complaints of recipients, each as late as the provider passes it on',
    }),
    isps: optional(Type.Array(Type.Enum([...isps]), { minItems: 1, description: 'Absent: all' })),
    streams: optional(Type.Array(Type.Enum([...streams]), { minItems: 1, description: 'Absent: both' })),
    match: optional(
      Type.String({
        minLength: 1,
        maxLength: 500,
        description:
          'Regular expression, looked for in "<code> <enhanced code> <text>" of an answer, or in "<type>, <who reports>" of a complaint; case does not matter. Absent: every complaint',
      }),
    ),
    after: count('So many such answers or complaints make it fire', 1),
    within: duration('Counted for so long', '1h'),
    scope: Type.Enum(['lane', 'isp', 'source', 'tenant', 'sender'], {
      default: 'lane',
      description: 'What is counted and acted on; sender: batch of the domain that the mail was from',
    }),
    limit: optional(Limit),
    suspend: Type.Boolean({ default: false, description: 'Nothing is sent' }),
    move: optional(
      strict(
        {
          source: optional(name('A source')),
          pool: optional(name('A pool of the same stream')),
        },
        'Where mail leaves from instead',
      ),
    ),
    alert: optional(Type.String({ minLength: 1, description: 'People are told this' })),
    for: optional(duration('Absent: until somebody undoes it')),
    recover: optional(Recovery),
  },
  'A rule',
);
export type RuleEntry = Static<typeof RuleEntry>;

export const AutomationEntries = Type.Array(RuleEntry, {
  default: [],
  description: 'Answers and complaints that change what is sent: the first rule that matches counts',
});
