import { nearestWord } from '@millrace/service';
import { type Static, type TSchema, Type } from 'typebox';
import Value from 'typebox/value';

const strict = <P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });
const count = (description: string) => Type.Integer({ minimum: 0, maximum: 1_000_000_000, description });
const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });
const milliseconds = (description: string) => Type.Integer({ minimum: 0, maximum: 3_600_000, description });

/** Everything that can be scripted of one ISP. The same keys in the YAML file, `PUT /behaviour/{isp}` and code. */
export const Behaviour = strict({
  connection_limit: count('Connections at once from one source IP, above it 421; 0: no limit'),
  connections_per_minute: count('New connections a minute from one source IP, above it 421; 0: no limit'),
  mails_per_connection: count('Mails of one connection, then 421; 0: no limit'),
  messages_per_second: Type.Number({
    minimum: 0,
    description: 'Mails a second from one source IP, above it deferred in the words of the ISP; 0: no limit',
  }),
  messages_burst: count('Mails above that rate at once'),
  hidden_limit: strict(
    {
      messages_per_minute: count('Mails a minute from one source IP; 0: no limit'),
      penalty_seconds: count('How long everything from that IP is then deferred'),
    },
    { description: 'A limit that shows only when it was exceeded' },
  ),
  greylist_seconds: count(
    'First try of (network, sender, recipient) is deferred for so long; 0: no greylisting',
  ),
  latency: strict({
    connect_ms: milliseconds('Before the greeting'),
    command_ms: milliseconds('Before each reply (once for a pipelined group)'),
    after_dot_ms: milliseconds('Before the reply to the final dot'),
    jitter_ms: milliseconds('Random part added to each of them'),
  }),
  tarpit_ms: milliseconds('Pause between two bytes of every reply'),
  transient_share: share('Share of mails answered 4xx in the words of the ISP'),
  permanent_share: share('Share of mails answered 5xx in the words of the ISP'),
  drop_mid_data_share: share('Share of mails in which the connection is cut after the first bytes of DATA'),
  drop_before_reply_share: share('Share of mails that are accepted and the connection cut before the reply'),
  late_bounce_share: share(
    'Share of mails accepted and bounced later, in turns as Postfix, Exchange, Exim and qmail write it',
  ),
  complaint_share: share('Share of mails reported as spam later (ARF)'),
  one_click_share: share('Share of mails unsubscribed by List-Unsubscribe-Post later'),
  mailto_unsubscribe_share: share('Share of mails unsubscribed by mail later'),
  auto_reply_share: share('Share of mails answered by a vacation notice later'),
  answer_after_ms: milliseconds('Before what comes later'),
  tls: Type.Union(
    [Type.Literal('required'), Type.Literal('offered'), Type.Literal('none'), Type.Literal('broken')],
    { description: 'broken: STARTTLS is offered and the handshake fails' },
  ),
  certificate: Type.Union(
    [Type.Literal('valid'), Type.Literal('self_signed'), Type.Literal('wrong_name'), Type.Literal('expired')],
    { description: 'What the handshake presents' },
  ),
  unavailable: Type.Union(
    [
      Type.Literal('no'),
      Type.Literal('refuse'),
      Type.Literal('silent'),
      Type.Literal('busy'),
      Type.Literal('closed'),
    ],
    {
      description:
        'refuse: nothing listens; silent: connects and says nothing; busy: greets with 421; closed: greets with 554',
    },
  ),
  unavailable_hosts: Type.Array(Type.String(), {
    description: 'Only these MX hosts are unavailable; empty: all',
  }),
  size_limit: count('Largest mail in bytes; 0: no limit and no SIZE'),
  recipients_limit: count('Recipients of one mail; 0: no limit'),
  pipelining: Type.Boolean({ description: 'Offers PIPELINING' }),
  eight_bit_mime: Type.Boolean({ description: 'Offers 8BITMIME' }),
  smtputf8: Type.Boolean({ description: 'Offers SMTPUTF8' }),
  authentication: Type.Union([Type.Literal('ignored'), Type.Literal('required')], {
    description: 'required: mail that passes neither SPF nor DKIM, or fails DMARC, is rejected after the dot',
  }),
});

/** The scripted behaviour of one ISP. */
export type Behaviour = Static<typeof Behaviour>;

/** A change of behaviour: what is not named stays as it is. */
export type BehaviourInput = Partial<Omit<Behaviour, 'latency' | 'hidden_limit'>> & {
  readonly latency?: Partial<Behaviour['latency']>;
  readonly hidden_limit?: Partial<Behaviour['hidden_limit']>;
};

/** An ISP that does everything right, at once and without limit. */
export const plainBehaviour: Behaviour = {
  connection_limit: 0,
  connections_per_minute: 0,
  mails_per_connection: 0,
  messages_per_second: 0,
  messages_burst: 1,
  hidden_limit: { messages_per_minute: 0, penalty_seconds: 60 },
  greylist_seconds: 0,
  latency: { connect_ms: 0, command_ms: 0, after_dot_ms: 0, jitter_ms: 0 },
  tarpit_ms: 0,
  transient_share: 0,
  permanent_share: 0,
  drop_mid_data_share: 0,
  drop_before_reply_share: 0,
  late_bounce_share: 0,
  complaint_share: 0,
  one_click_share: 0,
  mailto_unsubscribe_share: 0,
  auto_reply_share: 0,
  answer_after_ms: 100,
  tls: 'offered',
  certificate: 'valid',
  unavailable: 'no',
  unavailable_hosts: [],
  size_limit: 36_700_160,
  recipients_limit: 100,
  pipelining: true,
  eight_bit_mime: true,
  smtputf8: true,
  authentication: 'ignored',
};

/** A behaviour that cannot be taken; `problems` lists each with its path. */
export class BehaviourError extends Error {
  readonly code = 'behaviour_invalid';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'BehaviourError';
    this.problems = problems;
  }
}

const Input = Type.Partial(
  Type.Object(
    {
      ...Behaviour.properties,
      latency: Type.Partial(Behaviour.properties.latency, { additionalProperties: false }),
      hidden_limit: Type.Partial(Behaviour.properties.hidden_limit, { additionalProperties: false }),
    },
    { additionalProperties: false },
  ),
  { additionalProperties: false },
);

/** The JSON schema of a change, for the API's description. */
export const BehaviourInputSchema: TSchema = Input;

/** Parses what came from YAML, HTTP or a caller. Throws BehaviourError that names each wrong key or value. */
export function parseBehaviour(input: unknown, path = ''): BehaviourInput {
  if (Value.Check(Input, input)) return input;
  throw new BehaviourError(problemsOf(input, path));
}

function problemsOf(input: unknown, path: string): string[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return [`${path || 'behaviour'}: must be a mapping of keys to values`];
  }
  const problems: string[] = [];
  const nested: Record<string, TSchema & { properties: object }> = {
    latency: Behaviour.properties.latency,
    hidden_limit: Behaviour.properties.hidden_limit,
  };
  for (const [key, value] of Object.entries(input)) {
    const where = path ? `${path}.${key}` : key;
    problems.push(...unknownKey(key, where, Object.keys(Behaviour.properties)));
    const inner = nested[key];
    if (inner && typeof value === 'object' && value !== null) {
      for (const innerKey of Object.keys(value)) {
        problems.push(...unknownKey(innerKey, `${where}.${innerKey}`, Object.keys(inner.properties)));
      }
    }
  }
  if (problems.length > 0) return problems;
  return Value.Errors(Input, input).map((error) => {
    const at = error.instancePath.slice(1).replaceAll('/', '.');
    return `${[path, at].filter(Boolean).join('.') || 'behaviour'}: ${error.message}`;
  });
}

function unknownKey(key: string, where: string, known: readonly string[]): string[] {
  if (known.includes(key)) return [];
  const suggestion = nearestWord(key, known);
  return [`${where}: unknown key${suggestion ? `, did you mean ${suggestion}?` : ''}`];
}

/** `change` on top of `base`. */
export function mergeBehaviour(base: Behaviour, change: BehaviourInput): Behaviour {
  return {
    ...base,
    ...change,
    latency: { ...base.latency, ...change.latency },
    hidden_limit: { ...base.hidden_limit, ...change.hidden_limit },
  };
}
