/**
 * Rates of complaints, bounces and blocks in sliding windows, of batch mail only: per campaign, tenant, pool, source and
 * provider. Pure but for what it counts: windows of a bounded number of scopes.
 */
import type { ReplyCategory } from '../classify-reply.ts';
import type { Suspension } from '../control/control.ts';
import type { ControlScope } from '../control/control-scope.ts';
import { controlKey } from '../control/parse-control.ts';
import { countIn, type RateWindow, rateWindow, slide } from './rate-window.ts';
import { RecentIds } from './recent-ids.ts';
import { RecentScopes } from './recent-scopes.ts';

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

/** Scopes that are counted at once; those that were seen longest ago are forgotten first. */
const mostScopes = 20_000;
/** What was bad is counted once, however often it is told: so many are remembered. */
const mostRemembered = 20_000;

/** Of one scope and measure. */
interface Rate {
  readonly window: RateWindow;
  level: SpikeLevel;
}

interface Rates extends Readonly<Record<SpikeMeasure, Rate>> {
  readonly scope: ControlScope;
  readonly mayBeSuspended: boolean;
}

const blockCategories: readonly ReplyCategory[] = [
  'ip_listed',
  'domain_listed',
  'reputation',
  'spam_content',
];
const blocks: ReadonlySet<string> = new Set(blockCategories);

/** What an event is to a measure: one of the mails that its rate is of, bad, or both. */
interface Part {
  readonly measure: SpikeMeasure;
  readonly mail: boolean;
  readonly bad: boolean;
}

const mailOf = (measure: SpikeMeasure): Part => ({ measure, mail: true, bad: false });
const badMailOf = (measure: SpikeMeasure): Part => ({ measure, mail: true, bad: true });

const nothing: readonly Part[] = [];
const delivery = spikeMeasures.map(mailOf);
const complaint: readonly Part[] = [{ measure: 'complaints', mail: false, bad: true }];
const bounce = [badMailOf('bounces'), mailOf('blocks')];
const blockedBounce = [mailOf('bounces'), badMailOf('blocks')];
const deferral = [mailOf('blocks')];
const blockedDeferral = [badMailOf('blocks')];

const partsOf = ({ stream, kind, category }: SpikeFacts): readonly Part[] => {
  if (stream !== 'batch') return nothing;
  switch (kind) {
    case 'delivered':
      return delivery;
    case 'bounced':
      return isBlock(category) ? blockedBounce : bounce;
    case 'deferred':
      return isBlock(category) ? blockedDeferral : deferral;
    case 'complained':
      return complaint;
    default:
      return nothing;
  }
};

const isBlock = (category: string | null): boolean => category !== null && blocks.has(category);
const hasBad = (parts: readonly Part[]): boolean => parts.some(({ bad }) => bad);

/** Whether an event is one that thresholds are about. */
export const isBad = (facts: SpikeFacts): boolean => hasBad(partsOf(facts));

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

/** An event that counts. */
interface Taken {
  readonly parts: readonly Part[];
  readonly at: number;
  readonly now: number;
  /** What went over a threshold with it; undefined: nothing is to come of it. */
  readonly spikes: Spike[] | undefined;
}

export class Spikes {
  readonly #settings: SpikeSettings;
  readonly #scopes: RecentScopes<Rates>;
  readonly #bad = new RecentIds(mostRemembered);

  constructor(settings: SpikeSettings) {
    this.#settings = settings;
    const rateOf = (measure: SpikeMeasure): Rate => ({
      window: rateWindow(settings.measures[measure].windowMs),
      level: 'calm',
    });
    this.#scopes = new RecentScopes(mostScopes, (scope) => ({
      scope,
      mayBeSuspended: settings.suspend.includes(scope.kind),
      complaints: rateOf('complaints'),
      bounces: rateOf('bounces'),
      blocks: rateOf('blocks'),
    }));
  }

  /** Longest time that an event counts, ms. */
  get windowMs(): number {
    return Math.max(...spikeMeasures.map((measure) => this.#settings.measures[measure].windowMs));
  }

  /** Counts an event; what went over a threshold with it. `now`: ms since the epoch. Realtime mail is not counted. */
  see(facts: SpikeFacts, now: number): readonly Spike[] {
    const spikes: Spike[] = [];
    this.#take(facts, now, spikes);
    return spikes;
  }

  /** Counts an event of before, in any order: nothing comes of it until `settle`. */
  note(facts: SpikeFacts, now: number): void {
    this.#take(facts, now, undefined);
  }

  /** Takes the rates as they are after events were noted for what is known. */
  settle(now: number): void {
    for (const rates of this.#scopes.values())
      for (const measure of spikeMeasures) {
        slide(rates[measure].window, now);
        this.#judge(rates, measure, now);
      }
  }

  /** Somebody has undone what was done to the scope, or it is to be counted from the beginning. */
  undone(scope: ControlScope): void {
    this.#scopes.forget(scope);
  }

  /** The scope is suspended already, whoever saw to it. */
  recall({ scope, author }: Pick<Suspension, 'scope' | 'author'>): void {
    const measure = spikeMeasures.find((one) => spikeAuthor(one) === author);
    if (measure !== undefined) this.#scopes.of(scope)[measure].level = 'pause';
  }

  #take(facts: SpikeFacts, now: number, spikes: Spike[] | undefined): void {
    const parts = partsOf(facts);
    if (parts === nothing || (hasBad(parts) && !this.#bad.isNew(facts.eventId))) return;
    const { tenant, campaign, pool, source, isp, at } = facts;
    const taken = { parts, at, now, spikes };
    if (tenant !== '') this.#count(this.#scopes.named('tenant', tenant), taken);
    if (tenant !== '' && campaign !== null)
      this.#count(this.#scopes.named('campaign', campaign, tenant), taken);
    if (pool !== null) this.#count(this.#scopes.named('pool', pool), taken);
    if (source !== null) this.#count(this.#scopes.named('source', source), taken);
    if (isp !== null) this.#count(this.#scopes.named('isp', isp), taken);
  }

  #count(rates: Rates, { parts, at, now, spikes }: Taken): void {
    for (const { measure, mail, bad } of parts) {
      const { window } = rates[measure];
      slide(window, now);
      countIn(window, at, mail, bad);
      if (spikes === undefined) continue;
      const spike = this.#judge(rates, measure, now);
      if (spike !== undefined) spikes.push(spike);
    }
  }

  /** Each time, as a rate rises also where only good mails have left the window; the level is seldom another. */
  #judge(rates: Rates, measure: SpikeMeasure, now: number): Spike | undefined {
    const { scope, mayBeSuspended, [measure]: rate } = rates;
    const { level: before, window } = rate;
    // A suspension stands until it is undone, whatever the rate becomes without new mail.
    if (before === 'pause' && mayBeSuspended) return undefined;
    const thresholds = this.#settings.measures[measure];
    const level = nextLevel(before, thresholds, window.bad, window.mails);
    if (level === before) return undefined;
    rate.level = level;
    if (level === 'calm' || rank[level] < rank[before]) return undefined;
    const { bad: count, mails } = window;
    const head = { measure, scope, level, count, mails, windowMs: thresholds.windowMs };
    return { ...head, control: level === 'pause' && mayBeSuspended ? suspensionOf(head, now) : null };
  }
}

const suspensionOf = (spike: Omit<Spike, 'control'>, now: number): Suspension => ({
  kind: 'suspension',
  key: controlKey('suspension', spike.scope),
  scope: spike.scope,
  until: null,
  reason: spikeText(spike),
  author: spikeAuthor(spike.measure),
  setAt: now,
  stream: 'batch',
});
