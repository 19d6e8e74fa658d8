/** Controls in requests and answers. */
import { type Control, formatScope, type LimitChanges } from '@millrace/core';
import { LimitsEntry, limitsEntryOf } from '@millrace/shaping';
import { type Static, type TSchema, Type } from 'typebox';

const text = (description: string, options: Record<string, unknown> = {}) =>
  Type.String({ description, ...options });
const strict = <P extends Record<string, TSchema>>(properties: P, options: Record<string, unknown> = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

const Target = strict(
  {
    source: Type.Optional(text('Name of a source', { minLength: 1, maxLength: 64 })),
    pool: Type.Optional(text('Name of a pool', { minLength: 1, maxLength: 64 })),
  },
  { minProperties: 1, maxProperties: 1, description: 'Of kind move: where its mail leaves from instead' },
);

/** What an operator says of a control. */
export const ControlBody = strict(
  {
    reason: text('Why, for everybody who will see it', { minLength: 1, maxLength: 1_000 }),
    author: Type.Optional(text('Who; default: the id of the API key', { minLength: 1, maxLength: 200 })),
    until: Type.Optional(
      text('RFC 3339: when it ends by itself; absent: when it is undone', { maxLength: 64 }),
    ),
    limits: Type.Optional(LimitsEntry),
    to: Type.Optional(Target),
    yaml: Type.Optional(text('Of kind shaping: the shaping file', { maxLength: 500_000 })),
    name: Type.Optional(text('Of kind shaping: what the file is called', { minLength: 1, maxLength: 500 })),
  },
  { examples: [{ reason: 'complaints of spring campaign', until: '2030-01-31T09:00:00Z' }] },
);

export const ControlSchema = strict({
  kind: text('suspension, limits, drop, move, hold or shaping; set by automation: cap, adaptive, warmup'),
  scope: text('What it applies to', { examples: ['lane:batch/gmail/ip1', 'campaign:acme/spring'] }),
  reason: text('Why'),
  author: text('Who'),
  set_at: text('RFC 3339', { format: 'date-time' }),
  until: Type.Union([text('RFC 3339', { format: 'date-time' }), Type.Null()], {
    description: 'When it ends by itself; null: when it is undone',
  }),
  limits: Type.Optional(LimitsEntry),
  recovery: Type.Optional(
    strict(
      {
        starts_at: text('RFC 3339', { format: 'date-time' }),
        step_seconds: Type.Number({ description: 'From step to step' }),
        factor: Type.Number({ description: 'How much the limits grow at each step' }),
      },
      { description: 'How a cap is lifted' },
    ),
  ),
  to: Type.Optional(Target),
  name: Type.Optional(text('What the shaping file is called')),
  yaml: Type.Optional(text('The shaping file; not in lists')),
  warm_up: Type.Optional(
    strict({
      plan: text('Name of the plan'),
      day: Type.Integer({ minimum: 1, description: 'Day of the plan' }),
      date: text('Calendar day in the time zone of the plan'),
      time_zone: text('Time zone of the plan'),
      caps: Type.Record(Type.String(), Type.Number(), { description: 'Mails of that day by provider' }),
      spent: Type.Array(Type.String(), { description: 'Providers that have had the mails of that day' }),
      completed: Type.Boolean({ description: 'Whether the plan is through' }),
    }),
  ),
});

export const ControlListSchema = strict({
  controls: Type.Array(ControlSchema, { description: 'In force now, the oldest first' }),
});

type Shown = Static<typeof ControlSchema>;

/** A control as answers show it. `whole`: with the text of a shaping file. */
export const shownControl = (control: Control, whole: boolean): Shown => ({
  kind: control.kind,
  scope: formatScope(control.scope),
  reason: control.reason,
  author: control.author,
  set_at: new Date(control.setAt).toISOString(),
  until: control.until === null ? null : new Date(control.until).toISOString(),
  ...detailsOf(control, whole),
});

const limits = (changes: LimitChanges): Partial<Shown> => ({ limits: limitsEntryOf(changes) });

const detailsOf = (control: Control, whole: boolean): Partial<Shown> => {
  switch (control.kind) {
    case 'suspension':
    case 'drop':
    case 'hold':
      return {};
    case 'limits':
    case 'adaptive':
      return limits(control.changes);
    case 'cap': {
      const { recovery, changes } = control;
      if (recovery === null) return limits(changes);
      const { startsAt, stepEveryMs, factor } = recovery;
      const shown = {
        starts_at: new Date(startsAt).toISOString(),
        step_seconds: stepEveryMs / 1_000,
        factor,
      };
      return { ...limits(changes), recovery: shown };
    }
    case 'move':
      return { to: { [control.to.kind]: control.to.name } };
    case 'shaping':
      return { name: control.name, ...(whole && { yaml: control.yaml }) };
    case 'warmup': {
      const { plan, day, date, timeZone, caps, spent, completed } = control;
      return {
        warm_up: { plan, day, date, time_zone: timeZone, caps: { ...caps }, spent: [...spent], completed },
      };
    }
    default:
      return control satisfies never;
  }
};
