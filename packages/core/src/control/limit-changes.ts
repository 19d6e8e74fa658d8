/** Limits as JSON in a control's value: checked key by key, because other programs write them too. */
import type { LimitChanges, PhaseTimeouts } from '../shaping.ts';

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, unknown>>;

const isCount: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 1_000_000;
const isRate: Check = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value > 0 && value <= 1e9;
const isMs: Check = (value) =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= 30 * 86_400_000;
const isFlag: Check = (value) => typeof value === 'boolean';
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const timeoutChecks: Readonly<Record<keyof PhaseTimeouts, Check>> = {
  connectMs: isMs,
  greetingMs: isMs,
  ehloMs: isMs,
  mailMs: isMs,
  rcptMs: isMs,
  dataMs: isMs,
  bodyMs: isMs,
  dotMs: isMs,
};

const checks: Readonly<Partial<Record<keyof LimitChanges, Check>>> = {
  connections: isCount,
  deliveriesPerConnection: isCount,
  messagesPerSecond: orNull(isRate),
  burst: orNull(isCount),
  connectionsPerSecond: orNull(isRate),
  tls: (value) => value === 'opportunistic' || value === 'required' || value === 'disabled',
  mtaSts: isFlag,
  pipelining: isFlag,
  timeouts: (value) => isFields(value) && firstBad(value, timeoutChecks) === undefined,
  idleMs: isMs,
  retryScheduleMs: orNull((value) => Array.isArray(value) && value.length > 0 && value.every(isMs)),
  failuresBeforeHold: isCount,
  adaptive: isFlag,
};

/** The keys that a control's limits may have. */
export const limitKeys: readonly string[] = Object.keys(checks);

const firstBad = (value: Fields, by: Readonly<Record<string, Check>>): string | undefined =>
  Object.entries(value).find(([key, one]) => by[key]?.(one) !== true)?.[0];

const isLimitChanges = (value: Fields): value is LimitChanges & Fields =>
  firstBad(value, checks) === undefined;

/** The limits that a value says, or the first key that is none or has no such value. */
export const parseLimitChanges = (
  value: unknown,
): { readonly changes: LimitChanges } | { readonly badKey: string } => {
  if (!isFields(value)) return { badKey: '' };
  return isLimitChanges(value) ? { changes: value } : { badKey: firstBad(value, checks) ?? '' };
};
