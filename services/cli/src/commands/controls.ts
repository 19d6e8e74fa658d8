/** `millrace suspend`, `limit`, `drop`, `move`, `resume`, `controls ...`, `shaping apply`: an operator's hand, through ingest. */
import { resolve } from 'node:path';
import { isStream } from '@millrace/core';
import { readShapingFile } from '@millrace/shaping';
import { CliError, usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { dateAndTime, parseDurationMs } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { callIngest } from '../ingest-client.ts';
import { printable } from '../printable.ts';
import { asked } from '../shaping-in-force.ts';
import { tableOf } from '../terminal.ts';

/** Flags of every command that sets a control. */
export interface ControlFlags {
  readonly reason: string;
  readonly author?: string;
  /** So long from now. */
  readonly for?: string;
  readonly until?: string;
}

interface ShownControl {
  readonly kind: string;
  readonly scope: string;
  readonly reason: string;
  readonly author: string;
  readonly set_at: string;
  readonly until: string | null;
  readonly [detail: string]: unknown;
}

/**
 * The scope in full: `source:ip1`, `campaign:acme/spring` ... as they are; `batch/gmail/ip1` is a lane and `batch/gmail` a
 * provider from every source.
 */
export const scopeOf = (text: string): string => {
  if (text.includes(':') || text === 'shaping') return text;
  const [stream = '', ...rest] = text.split('/');
  if (isStream(stream) && rest.length > 0) return `${rest.length > 1 ? 'lane' : 'isp'}:${text}`;
  throw usageError(
    `"${text}" is no scope.`,
    'Write batch/gmail/ip1 (a lane), batch/gmail, source:NAME, pool:NAME, tenant:NAME, campaign:TENANT/NAME, domain:NAME or sender:STREAM/DOMAIN.',
  );
};

const pathOf = (kind: string, scope: string): string => `/v1/controls/${kind}/${encodeURIComponent(scope)}`;

/** When a control ends: RFC 3339, or undefined until it is undone. Throws CliError. */
export const endOf = (flags: Pick<ControlFlags, 'for' | 'until'>, now: number): string | undefined => {
  if (flags.for !== undefined && flags.until !== undefined)
    throw usageError('--for and --until say the same twice.');
  if (flags.for !== undefined) {
    const ms = parseDurationMs(flags.for);
    if (ms === undefined || ms === 0)
      throw usageError(`--for "${flags.for}" is not a length of time such as 30m, 2h or 1d.`);
    return new Date(now + ms).toISOString();
  }
  if (flags.until === undefined) return undefined;
  const at = /^\d{4}-\d{2}-\d{2}/.test(flags.until) ? Date.parse(flags.until) : Number.NaN;
  if (Number.isNaN(at) || at <= now)
    throw usageError(`--until "${flags.until}" is not a date-time that is still to come.`);
  return new Date(at).toISOString();
};

/** Sets a control and shows it. `more`: what its kind says beyond the flags. */
export async function setControl(
  context: CommandContext,
  kind: string,
  scopeText: string,
  flags: ControlFlags,
  more: object = {},
): Promise<Ending> {
  const scope = scopeOf(scopeText);
  const until = endOf(flags, context.now());
  const author = flags.author ?? context.env.USER ?? context.env.LOGNAME;
  const { body } = await callIngest(context.installation(), {
    method: 'PUT',
    path: pathOf(kind, scope),
    body: {
      reason: flags.reason,
      ...(author === undefined || author === '' ? {} : { author }),
      ...(until === undefined ? {} : { until }),
      ...more,
    },
    signal: context.signal,
  });
  if (context.json) context.terminal.line(JSON.stringify(body));
  else {
    const control = controlOf(body);
    context.terminal.line(printable(`${control.kind} of ${control.scope} ${untilText(control)}`));
    context.terminal.line(
      context.terminal.paint('gray', `millrace controls undo ${control.kind} '${control.scope}' undoes it`),
    );
  }
  return 'ok';
}

/** `max_message_rate=10/min`, `timeouts.data=5s` as the limits of a request. Throws CliError. */
export const limitsOf = (pairs: readonly string[]): object => {
  const limits: Record<string, unknown> = {};
  const timeouts: Record<string, unknown> = {};
  for (const pair of pairs) {
    const [, name = '', value = ''] = /^([a-z_.]+)=(.+)$/.exec(pair) ?? [];
    if (name === '') throw usageError(`"${pair}" is not LIMIT=VALUE, such as max_message_rate=10/min.`);
    if (name.startsWith('timeouts.')) timeouts[name.slice('timeouts.'.length)] = value;
    else limits[name] = limitValue(name, value);
  }
  return Object.keys(timeouts).length === 0 ? limits : { ...limits, timeouts };
};

const limitValue = (name: string, text: string): unknown => {
  if (name === 'retry_schedule') return text.split(',').map((wait) => wait.trim());
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
};

/** Overrides limits of a lane, a provider or a source. */
export const limit = (
  context: CommandContext,
  scope: string,
  pairs: readonly string[],
  flags: ControlFlags,
): Promise<Ending> => setControl(context, 'limits', scope, flags, { limits: limitsOf(pairs) });

export interface MoveFlags extends ControlFlags {
  readonly toSource?: string;
  readonly toPool?: string;
}

/** Lets messages leave from another source or pool. */
export const move = (context: CommandContext, scope: string, flags: MoveFlags): Promise<Ending> => {
  const { toSource, toPool } = flags;
  if ((toSource === undefined) === (toPool === undefined))
    throw usageError('Give either --to-pool or --to-source.');
  const to = toSource === undefined ? { pool: toPool } : { source: toSource };
  return setControl(context, 'move', scope, flags, { to });
};

/** Makes a shaping file the one that every worker follows. Throws CliError where it is wrong. */
export async function applyShaping(
  context: CommandContext,
  name: string,
  flags: ControlFlags,
): Promise<Ending> {
  const { text } = await asked(() => readShapingFile(resolve(context.cwd, name)));
  return setControl(context, 'shaping', 'shaping', flags, { yaml: text, name });
}

/** Undoes a control, whoever set it. Throws CliError (not_found) where there is none. */
export async function undoControl(context: CommandContext, kind: string, scopeText: string): Promise<Ending> {
  const scope = scopeOf(scopeText);
  const installation = context.installation();
  const path = pathOf(kind, scope);
  const { body } = await callIngest(installation, { method: 'GET', path, signal: context.signal });
  await callIngest(installation, { method: 'DELETE', path, signal: context.signal });
  if (context.json) context.terminal.line(JSON.stringify({ undone: body }));
  else {
    const { author, reason } = controlOf(body);
    context.terminal.line(printable(`${kind} of ${scope} is undone (it was set by ${author}: ${reason})`));
  }
  return 'ok';
}

/** Everything that is in force. */
export async function listControls(context: CommandContext): Promise<Ending> {
  const { body } = await callIngest(context.installation(), {
    method: 'GET',
    path: '/v1/controls',
    signal: context.signal,
  });
  if (context.json) {
    context.terminal.line(JSON.stringify(body));
    return 'ok';
  }
  const listed = member(body, 'controls');
  const controls = (Array.isArray(listed) ? listed : []).map(controlOf);
  const rows = controls.map((control) =>
    [
      control.kind,
      control.scope,
      detailOf(control),
      control.until === null ? 'until undone' : dateAndTime(Date.parse(control.until)),
      control.author,
      control.reason,
    ].map(printable),
  );
  context.terminal.line(
    rows.length === 0
      ? 'Nothing is in force beside the shaping file.'
      : tableOf(context.terminal, ['KIND', 'SCOPE', 'WHAT', 'UNTIL', 'BY', 'WHY'], rows),
  );
  return 'ok';
}

const untilText = ({ until }: ShownControl): string =>
  until === null ? 'is in force until it is undone' : `is in force until ${dateAndTime(Date.parse(until))}`;

/** What a control says beyond its kind, in few words. */
const detailOf = (control: ShownControl): string => {
  const { limits, to, name, warm_up: warmUp } = control;
  const words = [
    ...pairsOf(limits),
    ...pairsOf(to),
    ...(typeof name === 'string' ? [name] : []),
    ...(warmUp === undefined
      ? []
      : [`day ${String(member(warmUp, 'day'))} of ${String(member(warmUp, 'plan'))}`]),
  ];
  return words.join(' ');
};

const pairsOf = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).map(
        ([key, one]) => `${key}=${typeof one === 'object' ? JSON.stringify(one) : String(one)}`,
      )
    : [];

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

/** Parses a control of an answer. Throws CliError where it is none. */
const controlOf = (value: unknown): ShownControl => {
  if (isControl(value)) return value;
  throw new CliError('failed', 'ERR_NOT_INGEST', 'The answer is not as ingest gives it.', {
    hint: 'Check --url or MILLRACE_URL.',
  });
};

const isControl = (value: unknown): value is ShownControl =>
  ['kind', 'scope', 'reason', 'author', 'set_at'].every((name) => typeof member(value, name) === 'string') &&
  (member(value, 'until') === null || typeof member(value, 'until') === 'string');
