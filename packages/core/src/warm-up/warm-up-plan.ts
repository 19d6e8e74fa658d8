/** How much a new address may send: caps by provider that grow from day to day. */
import { type Isp, isps } from '../isp.ts';

export interface WarmUpPlan {
  readonly name: string;
  readonly days: number;
  /** Mails of the first day by provider; a provider that is not named has the cap of `other`. */
  readonly firstDay: Readonly<Partial<Record<Isp, number>>>;
  /** From day to day. Above 1. */
  readonly growth: number;
}

export type WarmUpCaps = Readonly<Partial<Record<Isp, number>>>;

/** Caps of a day of the plan, from 1; none after its last. A provider that the plan does not know has none. */
export const warmUpCaps = ({ days, firstDay, growth }: WarmUpPlan, day: number): WarmUpCaps => {
  const caps: Partial<Record<Isp, number>> = {};
  if (day > days) return caps;
  for (const isp of isps) {
    const first = firstDay[isp] ?? firstDay.other;
    if (first !== undefined) caps[isp] = Math.ceil(first * growth ** (day - 1));
  }
  return caps;
};

/** What the providers get of a usual sender's mail. */
const shares: Readonly<Record<Isp, number>> = {
  gmail: 0.35,
  yahoo: 0.12,
  'yahoo-jp': 0.02,
  outlook: 0.12,
  office365: 0.15,
  apple: 0.06,
  comcast: 0.03,
  gmx: 0.03,
  orange: 0.02,
  mimecast: 0.02,
  proofpoint: 0.02,
  other: 0.06,
};

/** From `first` mails on the first day to `perMonth` / 30 on the last. */
const plan = (name: string, perMonth: number, days: number, first: number): WarmUpPlan => ({
  name,
  days,
  firstDay: Object.fromEntries(isps.map((isp) => [isp, Math.max(1, Math.round(first * shares[isp]))])),
  growth: (perMonth / 30 / first) ** (1 / (days - 1)),
});

/** Plans that come with Millrace: what the address shall send a month, in 4, 6 and 12 weeks. */
export const shippedWarmUpPlans: readonly WarmUpPlan[] = [
  plan('100k', 100_000, 28, 60),
  plan('1m', 1_000_000, 42, 200),
  plan('10m', 10_000_000, 84, 500),
];
