/** Which day of its plan an address is on: it goes on after a good day, repeats after a bad or an unused one. */
import { type WarmUpPlan, warmUpCaps } from './warm-up-plan.ts';

/** What was said of a source's mail in one calendar day, over all providers. */
export interface DayFigures {
  /** Tries that were answered: delivered, deferred or bounced. */
  readonly tries: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly bounced: number;
  readonly complaints: number;
}

/** Shares above which a day was bad, 0 to 1; above twice that it was very bad. */
export interface WarmUpThresholds {
  /** Of the tries. */
  readonly deferred: number;
  /** Of the tries. */
  readonly bounced: number;
  /** Of what was delivered. */
  readonly complaints: number;
}

/** Complaints: what Gmail and Yahoo ask of senders never to reach. */
export const usualThresholds: WarmUpThresholds = { deferred: 0.2, bounced: 0.05, complaints: 0.003 };

/** Fewer tries say nothing of a day. */
const tellingTries = 20;
/** A day on which less than this share of what it allows was sent has warmed nothing. */
const usedShare = 0.5;

export interface NextDay {
  /** From 1; above the plan's days: it is through. */
  readonly day: number;
  readonly why: string;
}

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;

const worst = (
  figures: DayFigures,
  thresholds: WarmUpThresholds,
): { readonly text: string; readonly times: number } | undefined => {
  const { tries, delivered, deferred, bounced, complaints } = figures;
  if (tries < tellingTries) return undefined;
  const rates = [
    { what: 'deferred', share: deferred / tries, limit: thresholds.deferred },
    { what: 'bounced', share: bounced / tries, limit: thresholds.bounced },
    {
      what: 'complained about',
      share: delivered === 0 ? 0 : complaints / delivered,
      limit: thresholds.complaints,
    },
  ];
  const [first] = rates
    .filter(({ share, limit }) => share > limit)
    .map(({ what, share, limit }) => ({
      text: `${percent(share)} ${what}, above ${percent(limit)}`,
      times: share / limit,
    }))
    .sort((a, b) => b.times - a.times);
  return first;
};

/** The day that follows `day` of the plan, by what came of that day. `held`: who holds it. */
export const nextWarmUpDay = (
  plan: WarmUpPlan,
  day: number,
  figures: DayFigures,
  thresholds: WarmUpThresholds,
  held?: string,
): NextDay => {
  if (day > plan.days) return { day, why: 'the plan is through' };
  if (held !== undefined) return { day, why: `held by ${held}` };
  const bad = worst(figures, thresholds);
  if (bad !== undefined)
    return bad.times > 2 && day > 1
      ? { day: day - 1, why: `a step back: ${bad.text}` }
      : { day, why: `the day is repeated: ${bad.text}` };
  const allowed = Object.values(warmUpCaps(plan, day)).reduce((sum, cap) => sum + cap, 0);
  if (figures.delivered < allowed * usedShare)
    return { day, why: `the day is repeated: ${figures.delivered} of ${allowed} mails were sent` };
  return { day: day + 1, why: 'a good day' };
};

/**
 * Days until the plan is through when so many mails a day are there to be sent; null: never, because they are too few for
 * one of its days.
 */
export const warmUpDaysLeft = (plan: WarmUpPlan, day: number, mailsPerDay: number): number | null => {
  for (let at = day; at <= plan.days; at++) {
    const caps = warmUpCaps(plan, at);
    const allowed = Object.values(caps).reduce((sum, cap) => sum + cap, 0);
    if (mailsPerDay < allowed * usedShare) return null;
  }
  return Math.max(0, plan.days - day + 1);
};
