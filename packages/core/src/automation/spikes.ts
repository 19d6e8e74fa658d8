/**
 * Rates of complaints, bounces and blocks in sliding windows, of batch mail only: per campaign, tenant, pool, source and
 * provider. Pure but for what it counts: twelve steps of each window, of a bounded number of scopes.
 */
import type { ReplyCategory } from '../classify-reply.ts';
import type { Suspension } from '../control/control.ts';
import { type ControlScope, formatScope } from '../control/control-scope.ts';
import { controlKey } from '../control/parse-control.ts';

export const spikeMeasures = ['complaints', 'bounces', 'blocks'] as const;
export type SpikeMeasure = (typeof spikeMeasures)[number];

export interface SpikeThresholds {
  /** Share, 0 to 1, from which on people are told. */
  readonly warnShare: number;
  /** Share from which on the scope is suspended. */
  readonly pauseShare: number;
  /** Fewer mails say nothing. */
  readonly leastMails: number;
  /** Fewer complaints, bounces or blocks say nothing. */
  readonly leastCount: number;
  readonly windowMs: number;
}

export interface SpikeSettings {
  readonly measures: Readonly<Record<SpikeMeasure, SpikeThresholds>>;
  /** Kinds of scopes that are suspended; of the others people are only told. */
  readonly suspend: readonly ControlScope['kind'][];
}

export type SpikeLevel = 'calm' | 'warn' | 'pause';

/** What an event says. */
export interface SpikeFacts {
  readonly eventId: string;
  readonly kind: string;
  readonly stream: string | null;
  readonly tenant: string;
  readonly campaign: string | null;
  readonly pool: string | null;
  readonly source: string | null;
  readonly isp: string | null;
  /** Category of the answer. */
  readonly category: string | null;
  /** ms since the epoch. */
  readonly at: number;
}

/** A rate that went over a threshold. */
export interface Spike {
  readonly measure: SpikeMeasure;
  readonly scope: ControlScope;
  readonly level: Exclude<SpikeLevel, 'calm'>;
  readonly count: number;
  readonly mails: number;
  readonly windowMs: number;
  /** To be written to mail.control; null: it only alerts. */
  readonly control: Suspension | null;
}

/** What a rate means. A share is that of `count` among `mails`. */
export const spikeLevel = (thresholds: SpikeThresholds, count: number, mails: number): SpikeLevel => {
  if (mails < thresholds.leastMails || count < thresholds.leastCount) return 'calm';
  if (count >= mails * thresholds.pauseShare) return 'pause';
  return count >= mails * thresholds.warnShare ? 'warn' : 'calm';
};

const rank: Readonly<Record<SpikeLevel, number>> = { calm: 0, warn: 1, pause: 2 };
/** A level ends when the rate is under this share of its threshold, so that a rate beside it does not come and go. */
const endsBelow = 0.8;

/** The level after `before`. */
export const nextLevel = (
  before: SpikeLevel,
  thresholds: SpikeThresholds,
  count: number,
  mails: number,
): SpikeLevel => {
  const level = spikeLevel(thresholds, count, mails);
  if (rank[level] >= rank[before]) return level;
  const { warnShare, pauseShare } = thresholds;
  const eased = { ...thresholds, warnShare: warnShare * endsBelow, pauseShare: pauseShare * endsBelow };
  const still = spikeLevel(eased, count, mails);
  return rank[still] >= rank[before] ? before : still;
};

const steps = 12;
/** Scopes that are counted at once; those that were seen longest ago are forgotten first. */
const mostScopes = 20_000;
/** What was bad is counted once, however often it is told: so many are remembered. */
const mostRemembered = 20_000;

/** Of one scope and measure. */
interface Counts {
  readonly mails: Uint32Array;
  readonly bad: Uint32Array;
  /** Number of the newest step since the epoch. */
  step: number;
  level: SpikeLevel;
}

interface Scope {
  readonly scope: ControlScope;
  readonly counts: Readonly<Record<SpikeMeasure, Counts>>;
}

const noCounts = (): Counts => ({
  mails: new Uint32Array(steps),
  bad: new Uint32Array(steps),
  step: 0,
  level: 'calm',
});

const blockCategories: readonly ReplyCategory[] = [
  'ip_listed',
  'domain_listed',
  'reputation',
  'spam_content',
];
const blocks: ReadonlySet<string> = new Set(blockCategories);

/** Whether the event is a mail of the measure's denominator, and whether it is bad. */
const counted = (measure: SpikeMeasure, { kind, category }: SpikeFacts): { mail: boolean; bad: boolean } => {
  const blocked = category !== null && blocks.has(category);
  switch (measure) {
    case 'complaints':
      return { mail: kind === 'delivered', bad: kind === 'complained' };
    case 'bounces':
      return { mail: kind === 'delivered' || kind === 'bounced', bad: kind === 'bounced' && !blocked };
    case 'blocks':
      return {
        mail: kind === 'delivered' || kind === 'bounced' || kind === 'deferred',
        bad: (kind === 'bounced' || kind === 'deferred') && blocked,
      };
    default:
      return measure satisfies never;
  }
};

/** Whether an event is one that thresholds are about. */
export const isBad = (facts: SpikeFacts): boolean =>
  facts.stream === 'batch' && spikeMeasures.some((measure) => counted(measure, facts).bad);

const scopesOf = ({ tenant, campaign, pool, source, isp }: SpikeFacts): readonly ControlScope[] => [
  ...(tenant === '' ? [] : [{ kind: 'tenant', name: tenant } as const]),
  ...(tenant === '' || campaign === null ? [] : [{ kind: 'campaign', tenant, name: campaign } as const]),
  ...(pool === null ? [] : [{ kind: 'pool', name: pool } as const]),
  ...(source === null ? [] : [{ kind: 'source', name: source } as const]),
  ...(isp === null ? [] : [{ kind: 'isp', stream: 'batch', site: isp } as const]),
];

/** Author of the suspensions that a measure leads to. */
export const spikeAuthor = (measure: SpikeMeasure): string => `automation:spike-${measure}`;

/** Whether a control is one that a spike led to. */
export const isSpikeAuthor = (author: string): boolean => author.startsWith('automation:spike-');

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

/** `3 complaints of 600 mails in 24 h: 0.5 %`. */
export const spikeText = ({
  measure,
  count,
  mails,
  windowMs,
}: Omit<Spike, 'control' | 'scope' | 'level'>): string => {
  const span = windowMs >= 3_600_000 ? `${windowMs / 3_600_000} h` : `${windowMs / 60_000} min`;
  return `${count} ${measure} of ${mails} mails in ${span}: ${percent(mails === 0 ? 0 : count / mails)}`;
};

export class Spikes {
  #settings: SpikeSettings;
  readonly #scopes = new Map<string, Scope>();
  readonly #seen = new Set<string>();

  constructor(settings: SpikeSettings) {
    this.#settings = settings;
  }

  /** Longest time that an event counts, ms. */
  get windowMs(): number {
    return Math.max(...spikeMeasures.map((measure) => this.#settings.measures[measure].windowMs));
  }

  /** Counts an event; what went over a threshold with it. `now`: ms since the epoch. Realtime mail is not counted. */
  see(facts: SpikeFacts, now: number): readonly Spike[] {
    return this.#take(facts, now).flatMap(
      ([scope, measure, counts]) => this.#judge(scope, measure, counts, now) ?? [],
    );
  }

  /** Counts an event of before, in any order: nothing comes of it until `settle`. */
  note(facts: SpikeFacts, now: number): void {
    this.#take(facts, now);
  }

  /** Takes the rates as they are after events were noted for what is known. */
  settle(now: number): void {
    for (const { scope, counts } of this.#scopes.values())
      for (const measure of spikeMeasures) this.#judge(scope, measure, counts[measure], now);
  }

  /** Somebody has undone what was done to the scope, or it is to be counted from the beginning. */
  undone(scope: ControlScope): void {
    this.#scopes.delete(formatScope(scope));
  }

  /** The scope is suspended already, whoever saw to it. */
  recall({ scope, author }: Pick<Suspension, 'scope' | 'author'>): void {
    const measure = spikeMeasures.find((one) => spikeAuthor(one) === author);
    if (measure !== undefined) this.#countsOf(scope).counts[measure].level = 'pause';
  }

  /** Counts it; what has changed by it. */
  #take(facts: SpikeFacts, now: number): readonly (readonly [ControlScope, SpikeMeasure, Counts])[] {
    if (facts.stream !== 'batch') return [];
    const measures = spikeMeasures
      .map((measure) => ({ measure, ...counted(measure, facts) }))
      .filter(({ mail, bad }) => mail || bad);
    if (measures.length === 0 || (measures.some(({ bad }) => bad) && !this.#isNew(facts.eventId))) return [];
    return scopesOf(facts).flatMap((scope) => {
      const { counts } = this.#countsOf(scope);
      return measures.map(({ measure, mail, bad }) => {
        this.#add(measure, counts[measure], { mail, bad, at: facts.at }, now);
        return [scope, measure, counts[measure]] as const;
      });
    });
  }

  #add(
    measure: SpikeMeasure,
    counts: Counts,
    { mail, bad, at }: { readonly mail: boolean; readonly bad: boolean; readonly at: number },
    now: number,
  ): void {
    const stepMs = this.#settings.measures[measure].windowMs / steps;
    slide(counts, Math.floor(now / stepMs));
    const age = counts.step - Math.floor(at / stepMs);
    if (age >= steps) return;
    // A clock that is ahead counts as now.
    const slot = (counts.step - Math.max(0, age)) % steps;
    if (mail) counts.mails[slot] = (counts.mails[slot] ?? 0) + 1;
    if (bad) counts.bad[slot] = (counts.bad[slot] ?? 0) + 1;
  }

  #judge(scope: ControlScope, measure: SpikeMeasure, counts: Counts, now: number): Spike | undefined {
    const thresholds = this.#settings.measures[measure];
    slide(counts, Math.floor((now * steps) / thresholds.windowMs));
    const [count, mails] = [sum(counts.bad), sum(counts.mails)];
    const before = counts.level;
    const mayBeSuspended = this.#settings.suspend.includes(scope.kind);
    // A suspension stands until it is undone, whatever the rate becomes without new mail.
    if (before === 'pause' && mayBeSuspended) return undefined;
    const level = nextLevel(before, thresholds, count, mails);
    counts.level = level;
    if (rank[level] <= rank[before] || level === 'calm') return undefined;
    const head = { measure, scope, level, count, mails, windowMs: thresholds.windowMs };
    if (level !== 'pause' || !mayBeSuspended) return { ...head, control: null };
    const control: Suspension = {
      kind: 'suspension',
      key: controlKey('suspension', scope),
      scope,
      until: null,
      reason: spikeText(head),
      author: spikeAuthor(measure),
      setAt: now,
      stream: 'batch',
    };
    return { ...head, control };
  }

  #countsOf(scope: ControlScope): Scope {
    const key = formatScope(scope);
    const known = this.#scopes.get(key) ?? {
      scope,
      counts: { complaints: noCounts(), bounces: noCounts(), blocks: noCounts() },
    };
    this.#scopes.delete(key);
    this.#scopes.set(key, known);
    if (this.#scopes.size > mostScopes) {
      const [oldest] = this.#scopes.keys();
      if (oldest !== undefined) this.#scopes.delete(oldest);
    }
    return known;
  }

  #isNew(eventId: string): boolean {
    if (this.#seen.has(eventId)) return false;
    this.#seen.add(eventId);
    if (this.#seen.size > mostRemembered) {
      const [oldest] = this.#seen;
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    return true;
  }
}

/** Steps that are over are empty again. */
const slide = (counts: Counts, step: number): void => {
  for (let passed = Math.max(counts.step + 1, step - steps + 1); passed <= step; passed += 1) {
    counts.mails[passed % steps] = 0;
    counts.bad[passed % steps] = 0;
  }
  counts.step = Math.max(counts.step, step);
};

const sum = (values: Uint32Array): number => values.reduce((total, value) => total + value, 0);
