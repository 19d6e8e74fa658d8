/** Records of mail.control as controls and back: the edge where what others wrote is checked. */
import type { ControlState } from '@millrace/schemas';
import type { FoundRate } from '../adaptive-rate.ts';
import { type Isp, isps } from '../isp.ts';
import { isStream } from '../stream.ts';
import type { CapChanges, Control, ControlKind, MoveControl, Recovery } from './control.ts';
import { type ControlScope, formatScope, parseScope, type ScopeKind } from './control-scope.ts';
import { parseLimitChanges } from './limit-changes.ts';

/** What a record says, or what is wrong with it. */
export type ParsedControl = { readonly control: Control } | { readonly problem: string };

/** Scopes that a kind of control may have. */
export const scopesOfKind: Readonly<Record<ControlKind, readonly ScopeKind[]>> = {
  suspension: ['lane', 'isp', 'source', 'pool', 'tenant', 'campaign', 'domain', 'sender'],
  limits: ['lane', 'isp', 'source'],
  cap: ['lane', 'isp', 'source'],
  adaptive: ['lane'],
  drop: ['lane', 'isp', 'source', 'pool', 'tenant', 'campaign', 'domain', 'sender'],
  move: ['lane', 'isp', 'source', 'pool', 'tenant', 'campaign', 'domain', 'sender'],
  hold: ['warmup'],
  warmup: ['warmup'],
  shaping: ['shaping'],
};

const kinds: readonly string[] = Object.keys(scopesOfKind);
export const isControlKind = (text: string): text is ControlKind => kinds.includes(text);

/** Key in mail.control. A tombstone under it undoes the control. */
export const controlKey = (kind: ControlKind, scope: ControlScope): string => `${kind}|${formatScope(scope)}`;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPositive = (value: unknown): value is number => typeof value === 'number' && value > 0;

const jsonOf = (text: string | null): unknown => {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What a record under this key says. */
export const parseControl = (key: string, record: ControlState): ParsedControl => {
  const { kind } = record;
  if (!isControlKind(kind)) return { problem: `"${kind}" is no kind of control` };
  const scope = parseScope(record.scope);
  if (scope === undefined || !scopesOfKind[kind].includes(scope.kind))
    return { problem: `"${record.scope}" is no scope of a ${kind}` };
  if (key !== controlKey(kind, scope))
    return { problem: `the key of a ${kind} of ${record.scope} is not "${key}"` };
  const value = jsonOf(record.value);
  const head = {
    key,
    scope,
    until: record.until,
    reason: record.reason,
    author: record.author,
    setAt: record.set_at,
  };
  const wrong = (what: string): ParsedControl => ({ problem: `the value of ${key}: ${what}` });
  switch (kind) {
    case 'suspension': {
      const stream = isFields(value) && typeof value.stream === 'string' ? value.stream : '';
      return { control: { ...head, kind, ...(isStream(stream) && { stream }) } };
    }
    case 'drop':
    case 'hold':
      return { control: { ...head, kind } };
    case 'limits': {
      const parsed = parseLimitChanges(value);
      if ('badKey' in parsed) return wrong(`no limit "${parsed.badKey}", or not such a value`);
      return { control: { ...head, kind, changes: parsed.changes } };
    }
    case 'cap':
    case 'adaptive': {
      if (!isFields(value)) return wrong('not an object');
      const { recovery, found, ...limits } = value;
      const changes = capChanges(limits);
      if (typeof changes === 'string') return wrong(`no cap "${changes}", or not such a value`);
      if (kind === 'adaptive') return { control: { ...head, kind, changes, found: foundOf(found) } };
      const steps = recovery === undefined || recovery === null ? null : recoveryOf(recovery);
      if (steps === undefined) return wrong('its recovery needs startsAt, stepEveryMs and a factor above 1');
      return { control: { ...head, kind, changes, recovery: steps } };
    }
    case 'move': {
      const to = moveTarget(value);
      if (to === undefined) return wrong('needs either "source" or "pool"');
      return { control: { ...head, kind, to } };
    }
    case 'warmup': {
      if (!isFields(value)) return wrong('not an object');
      const { plan, day, date, timeZone, caps, spent, dayEndsAt, completed } = value;
      if (
        typeof plan !== 'string' ||
        !isPositive(day) ||
        typeof date !== 'string' ||
        !/^\d{4}-\d\d-\d\d$/.test(date) ||
        typeof timeZone !== 'string' ||
        typeof completed !== 'boolean' ||
        !isPositive(dayEndsAt) ||
        !Array.isArray(spent) ||
        !isFields(caps)
      )
        return wrong('needs plan, day, date, timeZone, caps, spent, dayEndsAt and completed');
      const progress = { plan, day, date, timeZone, caps: capsOf(caps), dayEndsAt, completed };
      return { control: { ...head, kind, ...progress, spent: isps.filter((isp) => spent.includes(isp)) } };
    }
    case 'shaping': {
      if (!isFields(value) || typeof value.yaml !== 'string') return wrong('needs "yaml"');
      const name = typeof value.name === 'string' ? value.name : 'shaping.yaml';
      return { control: { ...head, kind, yaml: value.yaml, name } };
    }
    default:
      return kind satisfies never;
  }
};

const capKeys = [
  'connections',
  'messagesPerSecond',
  'connectionsPerSecond',
  'deliveriesPerConnection',
  'burst',
];

/** The cap, or the key that is wrong. */
const capChanges = (value: Fields): CapChanges | string => {
  const foreign = Object.keys(value).find((key) => !capKeys.includes(key));
  if (foreign !== undefined) return foreign;
  const parsed = parseLimitChanges(value);
  return 'badKey' in parsed ? parsed.badKey : parsed.changes;
};

const recoveryOf = (value: unknown): Recovery | undefined => {
  if (!isFields(value)) return undefined;
  const { startsAt, stepEveryMs, factor } = value;
  return isPositive(startsAt) && isPositive(stepEveryMs) && isPositive(factor) && factor > 1
    ? { startsAt, stepEveryMs, factor }
    : undefined;
};

/** null: it has none that makes sense, and probing begins at the rate of the control. */
const foundOf = (value: unknown): FoundRate | null => {
  if (!isFields(value)) return null;
  const { perSecond, proven, ceiling, waiting, probeAfterMs } = value;
  const isRate = (rate: unknown): rate is number => isPositive(rate) && rate <= 1e9;
  if (!isRate(perSecond) || !isRate(probeAfterMs) || typeof waiting !== 'boolean') return null;
  if ((proven !== 0 && !isRate(proven)) || (ceiling !== null && !isRate(ceiling))) return null;
  return { perSecond, proven, ceiling, waiting, probeAfterMs };
};

const moveTarget = (value: unknown): MoveControl['to'] | undefined => {
  if (!isFields(value)) return undefined;
  const { source, pool } = value;
  if (typeof source === 'string' && source !== '' && pool === undefined)
    return { kind: 'source', name: source };
  if (typeof pool === 'string' && pool !== '' && source === undefined) return { kind: 'pool', name: pool };
  return undefined;
};

/** Caps of providers that are known here. */
const capsOf = (value: Fields): Partial<Record<Isp, number>> => {
  const caps: Partial<Record<Isp, number>> = {};
  for (const isp of isps) {
    const cap = value[isp];
    if (typeof cap === 'number' && cap >= 0) caps[isp] = cap;
  }
  return caps;
};

/** The record of a control. */
export const controlRecord = (control: Control): ControlState => ({
  scope: formatScope(control.scope),
  kind: control.kind,
  until: control.until,
  reason: control.reason,
  author: control.author,
  set_at: control.setAt,
  value: recordValue(control),
});

const recordValue = (control: Control): string | null => {
  switch (control.kind) {
    case 'suspension':
      return control.stream === undefined ? null : JSON.stringify({ stream: control.stream });
    case 'drop':
    case 'hold':
      return null;
    case 'limits':
      return JSON.stringify(control.changes);
    case 'adaptive':
      return JSON.stringify({ ...control.changes, ...(control.found && { found: control.found }) });
    case 'cap':
      return JSON.stringify({ ...control.changes, ...(control.recovery && { recovery: control.recovery }) });
    case 'move':
      return JSON.stringify({ [control.to.kind]: control.to.name });
    case 'warmup': {
      const { plan, day, date, timeZone, caps, spent, dayEndsAt, completed } = control;
      return JSON.stringify({ plan, day, date, timeZone, caps, spent, dayEndsAt, completed });
    }
    case 'shaping':
      return JSON.stringify({ yaml: control.yaml, name: control.name });
    default:
      return control satisfies never;
  }
};
