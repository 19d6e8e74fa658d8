/** Which stream a message belongs to, by when it should have arrived, and how often it may be sent. */
import { isStream, type Stream } from './stream.ts';

/** at_least_once: a crash at the wrong instant may send twice. at_most_once: it may not send at all. */
export type Guarantee = 'at_least_once' | 'at_most_once';

export const isGuarantee = (value: string): value is Guarantee =>
  value === 'at_least_once' || value === 'at_most_once';

/** What a category of messages is promised. */
export interface CategoryPolicy {
  readonly stream: Stream;
  /** From acceptance to the receiving server's 250, seconds. */
  readonly sla_seconds: number;
  readonly guarantee: Guarantee;
}

/** The part of a tenant's configuration that classification looks at. */
export interface StreamPolicy {
  readonly default_stream: Stream;
  /** Categories of the tenant's own; they win over the built-in ones of the same name. */
  readonly categories: Readonly<Record<string, CategoryPolicy>>;
}

/** The categories that every tenant has. */
export const builtInCategories: Readonly<Record<string, CategoryPolicy>> = {
  otp: { stream: 'realtime', sla_seconds: 10, guarantee: 'at_least_once' },
  password_reset: { stream: 'realtime', sla_seconds: 30, guarantee: 'at_least_once' },
  receipt: { stream: 'realtime', sla_seconds: 120, guarantee: 'at_least_once' },
  notification: { stream: 'realtime', sla_seconds: 120, guarantee: 'at_least_once' },
};

const defaultRealtimeSlaMs = 120_000;
/** Batch promises no time; this gives earliest-deadline-first a number that orders batch by age and after realtime. */
const batchSlaMs = 86_400_000;

export interface ToClassify {
  readonly stream: string | null;
  readonly category: string | null;
  readonly guarantee: string;
}

export interface Classification {
  readonly stream: Stream;
  /** From acceptance (or send_at, when later) to delivery, ms. */
  readonly slaMs: number;
  readonly guarantee: Guarantee;
}

const own = (policies: Readonly<Record<string, CategoryPolicy>>, name: string): CategoryPolicy | undefined =>
  Object.hasOwn(policies, name) ? policies[name] : undefined;

/** The policy of a category, the tenant's own before the built-in; undefined for a name that nobody configured. */
export const categoryPolicy = (category: string | null, tenant: StreamPolicy): CategoryPolicy | undefined =>
  category === null ? undefined : (own(tenant.categories, category) ?? own(builtInCategories, category));

/** Whether a request of this category may ask for at_most_once: otp, and what the tenant configured so. */
export const mayBeAtMostOnce = (category: string | null, tenant: StreamPolicy): boolean =>
  category === 'otp' || categoryPolicy(category, tenant)?.guarantee === 'at_most_once';

/** Explicit stream, else the category's, else the tenant's default. */
export const classifyStream = (request: ToClassify, tenant: StreamPolicy): Classification => {
  const policy = categoryPolicy(request.category, tenant);
  const explicit = request.stream !== null && isStream(request.stream) ? request.stream : undefined;
  const stream = explicit ?? policy?.stream ?? tenant.default_stream;
  const asked = request.guarantee === 'at_most_once' && mayBeAtMostOnce(request.category, tenant);
  const guarantee = asked || policy?.guarantee === 'at_most_once' ? 'at_most_once' : 'at_least_once';
  // A category's promise belongs to the stream that it was made for.
  const promised = policy?.stream === stream ? policy.sla_seconds * 1_000 : undefined;
  return {
    stream,
    slaMs: promised ?? (stream === 'realtime' ? defaultRealtimeSlaMs : batchSlaMs),
    guarantee,
  };
};

export interface MessageTimes {
  readonly accepted_at: number;
  readonly send_at: number | null;
  readonly expires_at: number | null;
}

/** When a message should have arrived and when it is given up, ms since the epoch; the former never after the latter. */
export const messageDeadlines = (
  times: MessageTimes,
  slaMs: number,
  maxAgeMs: number,
): { readonly deadline: number; readonly expiresAt: number } => {
  const start = Math.max(times.accepted_at, times.send_at ?? 0);
  const oldest = start + maxAgeMs;
  const expiresAt = times.expires_at === null ? oldest : Math.min(times.expires_at, oldest);
  return { deadline: Math.min(start + slaMs, expiresAt), expiresAt };
};
