/** What a shaping file may say. */
import { isps } from '@millrace/core';
import { type Static, type TSchema, Type } from 'typebox';
import { AutomationEntries } from './automation-schema.ts';
import {
  durationExpected,
  durationForm,
  limitRateExpected,
  limitRateForm,
  rateExpected,
  rateForm,
} from './quantities.ts';

const strict = <P extends Record<string, TSchema>>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);
const count = (description: string) => Type.Integer({ minimum: 1, maximum: 1_000_000, description });
const duration = (description: string) =>
  Type.String({ pattern: durationForm, expected: durationExpected, description });
const rate = (description: string) => Type.String({ pattern: rateForm, expected: rateExpected, description });

const Timeouts = strict({
  connect: optional(duration('Until the TCP connection is there')),
  greeting: optional(duration('Until the 220')),
  ehlo: optional(duration('EHLO, STARTTLS and the handshake')),
  mail: optional(duration('MAIL FROM')),
  rcpt: optional(duration('RCPT TO')),
  data: optional(duration('From DATA to the 354')),
  body: optional(duration('Writing the content')),
  dot: optional(duration('From the final dot to its reply')),
});

const limits = {
  connection_limit: optional(count('Connections at once, over all workers')),
  max_connection_rate: optional(rate('New connections')),
  max_message_rate: optional(rate('Mails')),
  burst: optional(count("Mails above the rate at once; absent: a tenth of a second's worth")),
  max_deliveries_per_connection: optional(count('Mails of one connection')),
  idle_timeout: optional(duration('A connection without work is closed after this')),
  tls: optional(
    Type.Enum(['opportunistic', 'required', 'disabled'], { description: 'Whether mail goes without TLS' }),
  ),
  mta_sts: optional(
    Type.Boolean({
      description: 'Keep to the policies by which domains ask for verified TLS (MTA-STS), whatever tls says',
    }),
  ),
  pipelining: optional(Type.Boolean({ description: 'Use PIPELINING where it is offered' })),
  timeouts: optional(Timeouts),
  retry_schedule: optional(
    Type.Array(duration('Wait'), {
      minItems: 1,
      maxItems: 50,
      description: 'Waits after the first, second, ... failed attempt; the last one repeats',
    }),
  ),
  failures_before_hold: optional(count('Connection failures in a row before the lane is held')),
  adaptive: optional(
    Type.Boolean({ description: 'The rate is found by probing, up to max_message_rate where that is given' }),
  ),
};

export const LimitsEntry = strict(limits);
export type LimitsEntry = Static<typeof LimitsEntry>;

export const LayerEntry = strict({
  ...limits,
  streams: optional(strict({ realtime: optional(LimitsEntry), batch: optional(LimitsEntry) })),
});
export type LayerEntry = Static<typeof LayerEntry>;

const ofEachIsp = Object.fromEntries(isps.map((isp) => [isp, optional(LayerEntry)]));

export const MessageLimitEntry = strict({
  by: Type.Enum(['tenant', 'campaign', 'tag'], { description: 'Whose messages' }),
  match: Type.String({
    pattern: '^\\S(.*\\S)?$',
    expected: 'a tenant, TENANT/CAMPAIGN, a tag, or "*" for each of them by itself',
    description: 'A tenant, TENANT/CAMPAIGN, a tag, or "*": each of them by itself',
  }),
  isp: optional(Type.Enum([...isps], { description: 'Only to this provider' })),
  stream: optional(Type.Enum(['realtime', 'batch'], { description: 'Only on this stream' })),
  max_message_rate: Type.String({
    pattern: limitRateForm,
    expected: limitRateExpected,
    description: 'Mails, over all lanes and workers together',
  }),
  burst: optional(count("Mails above the rate at once; absent: a tenth of a second's worth")),
});
export type MessageLimitEntry = Static<typeof MessageLimitEntry>;

export const ShapingFile = strict({
  default: optional(LayerEntry),
  isps: optional(strict(ofEachIsp)),
  sites: optional(Type.Record(Type.String({ pattern: '^\\S+$' }), LayerEntry)),
  domains: optional(Type.Record(Type.String({ pattern: '^[^\\sA-Z]+$' }), LayerEntry)),
  sources: optional(Type.Record(Type.String({ pattern: '^\\S+$' }), LayerEntry)),
  limits: optional(
    Type.Array(MessageLimitEntry, {
      maxItems: 1_000,
      description: 'Rates of tenants, campaigns and tags, beside those of lanes',
    }),
  ),
  automation: AutomationEntries,
});
export type ShapingFile = Static<typeof ShapingFile>;
