/** What the configuration says about the warm-up of its sources. */
import type { WarmUpThresholds } from './warm-up-day.ts';
import { shippedWarmUpPlans, type WarmUpPlan } from './warm-up-plan.ts';

/** The keys of the configuration that are read here; the configuration file's own type satisfies it. */
export interface WarmUpSettings {
  readonly sources: Readonly<
    Record<
      string,
      {
        readonly warm_up?: {
          readonly plan: string;
          readonly start: string;
          readonly time_zone: string;
          readonly max_deferred_share: number;
          readonly max_bounced_share: number;
          readonly max_complaint_share: number;
        };
      }
    >
  >;
  readonly warm_up_plans: Readonly<
    Record<
      string,
      {
        readonly days: number;
        readonly first_day: Readonly<Record<string, number>>;
        readonly growth: number;
      }
    >
  >;
}

export interface SourceWarmUp {
  readonly source: string;
  readonly plan: WarmUpPlan;
  /** Calendar day in the time zone. */
  readonly start: string;
  readonly timeZone: string;
  readonly thresholds: WarmUpThresholds;
}

/** The shipped plans and those of the configuration, which win. */
export const warmUpPlans = ({
  warm_up_plans: own,
}: Pick<WarmUpSettings, 'warm_up_plans'>): ReadonlyMap<string, WarmUpPlan> =>
  new Map([
    ...shippedWarmUpPlans.map((plan) => [plan.name, plan] as const),
    ...Object.entries(own).map(
      ([name, { days, first_day: firstDay, growth }]) => [name, { name, days, firstDay, growth }] as const,
    ),
  ]);

/** Every source that is warmed. One whose plan does not exist is left out: the configuration is checked before. */
export const sourceWarmUps = (settings: WarmUpSettings): readonly SourceWarmUp[] => {
  const plans = warmUpPlans(settings);
  return Object.entries(settings.sources).flatMap(([source, { warm_up: warmUp }]) => {
    const plan = warmUp === undefined ? undefined : plans.get(warmUp.plan);
    if (warmUp === undefined || plan === undefined) return [];
    const thresholds: WarmUpThresholds = {
      deferred: warmUp.max_deferred_share,
      bounced: warmUp.max_bounced_share,
      complaints: warmUp.max_complaint_share,
    };
    return [{ source, plan, start: warmUp.start, timeZone: warmUp.time_zone, thresholds }];
  });
};
