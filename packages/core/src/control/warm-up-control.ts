/** What the warm-up of a source means for its lanes: a pace for the day, and an end to it when the day's mails are out. */
import type { Isp } from '../isp.ts';
import type { CapControl, Suspension, WarmUpProgress } from './control.ts';
import type { LimitsInForce } from './limit-controls.ts';

/** A new address does not send a day's mail at once: at its full rate the day's cap takes this long. */
const fastestDaySeconds = 3_600;
const daySeconds = 86_400;

const headOf = ({ key, scope, setAt, author, dayEndsAt }: WarmUpProgress) => ({
  key,
  scope,
  setAt,
  author,
  until: dayEndsAt,
});

const dayOf = ({ day, plan }: WarmUpProgress): string => `day ${day} of the warm-up plan ${plan}`;

/** That a provider has had what it may have today; undefined: it has not. */
export const spentToday = (
  progress: WarmUpProgress | undefined,
  isp: Isp,
  now: number,
): Suspension | undefined => {
  if (progress === undefined || now >= progress.dayEndsAt) return undefined;
  const cap = progress.caps[isp];
  if (!progress.spent.includes(isp) && cap !== 0) return undefined;
  const reason = `${cap ?? 0} mails to ${isp} are out: ${dayOf(progress)}`;
  return { ...headOf(progress), kind: 'suspension', reason };
};

/**
 * The pace of a lane while its source is warmed. Where nobody has said what the next day allows, the caps of the last one
 * are spread over whole days, so that they hold although nobody counts.
 */
export const warmUpPace = (
  progress: WarmUpProgress | undefined,
  isp: Isp,
  now: number,
): LimitsInForce | undefined => {
  const cap = progress?.caps[isp];
  if (progress === undefined || cap === undefined || cap === 0) return undefined;
  const today = now < progress.dayEndsAt;
  const changes = { messagesPerSecond: cap / (today ? fastestDaySeconds : daySeconds), burst: 1 };
  const reason = `${cap} mails a day to ${isp}: ${dayOf(progress)}`;
  const control: CapControl = { ...headOf(progress), kind: 'cap', reason, changes, recovery: null };
  const ends = [progress.until, today ? progress.dayEndsAt : null].filter((end) => end !== null);
  return { control, mode: 'cap', changes, nextChangeAt: ends.length === 0 ? null : Math.min(...ends) };
};
