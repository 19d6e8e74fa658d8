/** What an operator orders, checked against the installation: from a request to a control. Pure. */
import {
  asciiDomain,
  type Control,
  type ControlKind,
  type ControlScope,
  controlKey,
  isControlKind,
  isps,
  parseScope,
  type Stream,
  scopesOfKind,
} from '@millrace/core';
import { type Config, ConfigError, didYouMean, nearestWord } from '@millrace/service';
import { limitChangesOf, parseShaping } from '@millrace/shaping';
import type { Static } from 'typebox';
import type { ControlBody } from './http/control-schemas.ts';
import { parseMoment } from './moment.ts';
import type { FieldError } from './problem.ts';

/** Kinds that people set; the others are written by automation, probing and warm-up. */
export const operatorKinds = ['suspension', 'limits', 'drop', 'move', 'hold', 'shaping'] as const;
export type OperatorKind = (typeof operatorKinds)[number];

/** Kinds that people may undo: the day that a warm-up has come to is not theirs. */
export const undoableKinds: readonly ControlKind[] = [...operatorKinds, 'cap', 'adaptive'];

/** The installation's names. */
export type KnownNames = Pick<Config, 'sources' | 'pools' | 'tenants'>;

export type Ordered<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'wrong'; readonly errors: readonly FieldError[] };

const wrong = (
  field: string,
  message: string,
): { readonly kind: 'wrong'; readonly errors: FieldError[] } => ({
  kind: 'wrong',
  errors: [{ field, message }],
});

/** Kind and scope of a control by the names in its path. */
export const targetOf = (
  kindText: string,
  scopeText: string,
  kinds: readonly ControlKind[],
): Ordered<{ readonly kind: ControlKind; readonly scope: ControlScope }> => {
  if (!isControlKind(kindText) || !kinds.includes(kindText))
    return wrong('kind', `must be ${kinds.join(', ')}.${didYouMean(kindText, kinds)}`);
  const scope = parseScope(normalised(scopeText));
  const allowed = scopesOfKind[kindText];
  if (scope === undefined || !allowed.includes(scope.kind))
    return wrong(
      'scope',
      `is no scope of a ${kindText}: ${allowed.map((name) => scopeForms[name]).join(', ')}`,
    );
  return { kind: 'ok', value: { kind: kindText, scope } };
};

const scopeForms: Readonly<Record<ControlScope['kind'], string>> = {
  lane: 'lane:STREAM/ISP/SOURCE',
  isp: 'isp:STREAM/ISP',
  source: 'source:NAME',
  pool: 'pool:NAME',
  tenant: 'tenant:NAME',
  campaign: 'campaign:TENANT/NAME',
  domain: 'domain:NAME',
  sender: 'sender:STREAM/DOMAIN',
  warmup: 'warmup:SOURCE',
  shaping: 'shaping',
};

/** Domains in their one spelling. */
const normalised = (text: string): string => {
  const [, before, domain] = /^(domain:|sender:[a-z]+\/)(.+)$/.exec(text) ?? [];
  return before === undefined || domain === undefined ? text : before + (asciiDomain(domain) ?? domain);
};

export interface Order {
  readonly kind: ControlKind;
  readonly scope: ControlScope;
  readonly body: Static<typeof ControlBody>;
  /** Who, where the body does not say. */
  readonly caller: string;
  /** ms since the epoch. */
  readonly now: number;
}

/** The control of an order, or what is wrong with it. */
export const controlOf = (order: Order, names: KnownNames): Ordered<Control> => {
  const { kind, scope, body, now } = order;
  const problems = [...unknownNames(scope, names), ...misplaced(kind, body)];
  const until = body.until === undefined ? null : (parseMoment(body.until) ?? 0);
  if (until !== null && until <= now)
    problems.push({ field: 'until', message: 'must be an RFC 3339 date-time that has not passed' });
  if (problems.length > 0) return { kind: 'wrong', errors: problems };
  const head = {
    key: controlKey(kind, scope),
    scope,
    until,
    reason: body.reason,
    author: body.author ?? order.caller,
    setAt: now,
  };
  switch (kind) {
    case 'suspension':
    case 'drop':
    case 'hold':
      return { kind: 'ok', value: { ...head, kind } };
    case 'limits':
      return { kind: 'ok', value: { ...head, kind, changes: limitChangesOf(body.limits ?? {}) } };
    case 'move': {
      const to = moveTarget(body.to ?? {});
      const errors = wrongTarget(scope, to, names);
      return errors.length > 0 ? { kind: 'wrong', errors } : { kind: 'ok', value: { ...head, kind, to } };
    }
    case 'shaping': {
      const { yaml = '', name = 'shaping.yaml' } = body;
      const errors = wrongFile(yaml, name);
      return errors.length > 0
        ? { kind: 'wrong', errors }
        : { kind: 'ok', value: { ...head, kind, yaml, name } };
    }
    case 'cap':
    case 'adaptive':
    case 'warmup':
      return wrong('kind', 'is not set by people');
    default:
      return kind satisfies never;
  }
};

const notThere = (field: string, what: string, name: string, known: readonly string[]): FieldError[] =>
  known.includes(name)
    ? []
    : [{ field, message: `there is no ${what} "${name}".${didYouMean(name, known)}` }];

/** Names in the scope that the installation does not have. */
const unknownNames = (scope: ControlScope, names: KnownNames): FieldError[] => {
  const sources = Object.keys(names.sources);
  switch (scope.kind) {
    case 'lane':
      return [...notAnIsp(scope.site), ...notThere('scope', 'source', scope.source, sources)];
    case 'isp':
      return notAnIsp(scope.site);
    case 'source':
      return notThere('scope', 'source', scope.name, sources);
    case 'warmup':
      return notThere('scope', 'source', scope.source, sources);
    case 'pool':
      return notThere('scope', 'pool', scope.name, Object.keys(names.pools));
    case 'tenant':
      return notThere('scope', 'tenant', scope.name, Object.keys(names.tenants));
    case 'campaign':
      return notThere('scope', 'tenant', scope.tenant, Object.keys(names.tenants));
    case 'domain':
    case 'sender':
    case 'shaping':
      return [];
    default:
      return scope satisfies never;
  }
};

/** A site has any name; one that looks like a provider's, and is none, is a slip of the hand. */
const notAnIsp = (site: string): FieldError[] => {
  if (site.includes('.') || isps.some((isp) => isp === site)) return [];
  const nearest = nearestWord(site, isps);
  return nearest === undefined
    ? []
    : [{ field: 'scope', message: `there is no provider "${site}". Did you mean "${nearest}"?` }];
};

/** What a kind needs, and nothing of another kind. */
const misplaced = (kind: ControlKind, body: Static<typeof ControlBody>): FieldError[] => {
  const belongs = { limits: 'limits', to: 'move', yaml: 'shaping', name: 'shaping' } as const;
  const errors: FieldError[] = [];
  for (const field of ['limits', 'to', 'yaml', 'name'] as const) {
    const given = body[field] !== undefined;
    if (given && belongs[field] !== kind)
      errors.push({ field, message: `belongs to a control of kind ${belongs[field]}` });
    if (!given && belongs[field] === kind && field !== 'name') errors.push({ field, message: 'is required' });
  }
  if (kind === 'limits' && body.limits !== undefined && Object.keys(body.limits).length === 0)
    errors.push({ field: 'limits', message: 'names no limit' });
  return errors;
};

type MoveTarget = Extract<Control, { kind: 'move' }>['to'];

const moveTarget = (to: { readonly source?: string; readonly pool?: string }): MoveTarget =>
  to.pool === undefined ? { kind: 'source', name: to.source ?? '' } : { kind: 'pool', name: to.pool };

/** Streams that a pool or a source sends for. */
const streamsOf = ({ kind, name }: MoveTarget, { pools }: KnownNames): ReadonlySet<Stream> =>
  new Set(
    Object.entries(pools)
      .filter(([pool, { sources }]) =>
        kind === 'pool' ? pool === name : sources.some(({ source }) => source === name),
      )
      .map(([, { stream }]) => stream),
  );

const wrongTarget = (scope: ControlScope, to: MoveTarget, names: KnownNames): FieldError[] => {
  const known = Object.keys(to.kind === 'pool' ? names.pools : names.sources);
  const unknown = notThere(`to.${to.kind}`, to.kind, to.name, known);
  if (unknown.length > 0) return unknown;
  const from =
    scope.kind === 'pool' || scope.kind === 'source' ? streamsOf(scope, names) : streamOfScope(scope);
  const into = streamsOf(to, names);
  return from === undefined || [...from].some((stream) => into.has(stream))
    ? []
    : [{ field: `to.${to.kind}`, message: `${to.name} sends for another stream: the streams never share` }];
};

const streamOfScope = (scope: ControlScope): ReadonlySet<Stream> | undefined =>
  'stream' in scope ? new Set([scope.stream]) : undefined;

/** What workers could not read is not taken. */
const wrongFile = (yaml: string, name: string): FieldError[] => {
  try {
    parseShaping(yaml, name);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ line, key, message }) => ({
      field: 'yaml',
      message: `${line === undefined ? '' : `line ${line}: `}${key === '' ? '' : `${key}: `}${message}`,
    }));
  }
};
