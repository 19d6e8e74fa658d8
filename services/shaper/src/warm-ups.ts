/**
 * Counts what leaves from sources that are warmed, and says how far each of them is. The counts are of calendar days in the
 * plan's time zone and come from mail.events, so that a restart loses nothing.
 */
import {
  type ControlTable,
  calendarDay,
  controlKey,
  type DayFigures,
  endOfDay,
  type Isp,
  isIsp,
  isps,
  nextWarmUpDay,
  type SourceWarmUp,
  type WarmUpProgress,
  warmUpCaps,
} from '@millrace/core';
import type { MessageEvent } from '@millrace/schemas';
import { EventDates } from './event-dates.ts';

/** One source's day. */
interface Counted {
  tries: number;
  delivered: number;
  deferred: number;
  bounced: number;
  complaints: number;
  /** Mails that count against caps: those that a provider took or refused for good. */
  readonly mails: Map<Isp, number>;
}

const nothing: DayFigures = { tries: 0, delivered: 0, deferred: 0, bounced: 0, complaints: 0 };
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A day that is longer ago than this is not counted again at a start: it then counts as unused. */
const mostDaysBack = 3;

export class WarmUps {
  readonly #sources: ReadonlyMap<string, SourceWarmUp>;
  /** By source. */
  readonly #dates: ReadonlyMap<string, EventDates>;
  /** By source and date. */
  readonly #days = new Map<string, Counted>();

  constructor(sources: readonly SourceWarmUp[]) {
    this.#sources = new Map(sources.map((one) => [one.source, one]));
    this.#dates = new Map(sources.map((one) => [one.source, new EventDates(one.timeZone)]));
  }

  /** Counts an event that was not counted before. */
  count(event: MessageEvent): void {
    const { source, isp, kind, time } = event;
    const dates = source === null ? undefined : this.#dates.get(source);
    if (dates === undefined || source === null || !isIsp(isp)) return;
    const day = this.#day(source, dates.of(time));
    switch (kind) {
      case 'delivered':
        day.delivered += 1;
        break;
      case 'deferred':
        day.deferred += 1;
        break;
      case 'bounced':
        day.bounced += 1;
        break;
      case 'complained':
        day.complaints += 1;
        return;
      default:
        return;
    }
    day.tries += 1;
    if (kind !== 'deferred') day.mails.set(isp, (day.mails.get(isp) ?? 0) + 1);
  }

  /** Since when events are needed to know what was sent on the present day of each source, ms since the epoch. */
  countedSince(table: ControlTable, now: number): number {
    let since = now;
    for (const { source, timeZone } of this.#sources.values()) {
      const date = table.warmUpOf(source)?.date ?? calendarDay(now, timeZone);
      let at = now;
      while (at > now - mostDaysBack * dayMs && calendarDay(at, timeZone) >= date) at -= hourMs;
      since = Math.min(since, at);
    }
    return since;
  }

  /** Forgets everything that was counted: it will be counted again. */
  forget(): void {
    this.#days.clear();
  }

  /** What has to be said now: new days, and providers that have had the mails of theirs. */
  due(table: ControlTable, now: number): readonly WarmUpProgress[] {
    return [...this.#sources.values()].flatMap((warmUp) => {
      const before = table.warmUpOf(warmUp.source);
      const today = calendarDay(now, warmUp.timeZone);
      if (before === undefined && today < warmUp.start) return [];
      if (before?.completed) return [];
      if (before === undefined || before.date < today || before.plan !== warmUp.plan.name)
        return [this.#newDay(warmUp, before, table, today, now)];
      const spent = this.#spent(warmUp.source, before);
      return spent.length === before.spent.length ? [] : [{ ...before, spent, setAt: now }];
    });
  }

  #newDay(
    warmUp: SourceWarmUp,
    before: WarmUpProgress | undefined,
    table: ControlTable,
    today: string,
    now: number,
  ): WarmUpProgress {
    const { source, plan, timeZone, thresholds } = warmUp;
    const follows = before !== undefined && before.plan === plan.name;
    const held = table.holdOf(source, now)?.author;
    const next = follows
      ? nextWarmUpDay(plan, before.day, this.#figures(source, before.date), thresholds, held)
      : { day: 1, why: 'it begins' };
    this.#forgetBefore(source, before?.date ?? today);
    const scope = { kind: 'warmup', source } as const;
    const progress: WarmUpProgress = {
      kind: 'warmup',
      key: controlKey('warmup', scope),
      scope,
      until: null,
      reason: next.why,
      author: 'warm-up',
      setAt: now,
      plan: plan.name,
      day: next.day,
      date: today,
      timeZone,
      caps: warmUpCaps(plan, next.day),
      spent: [],
      dayEndsAt: endOfDay(now, timeZone),
      completed: next.day > plan.days,
    };
    return { ...progress, spent: this.#spent(source, progress) };
  }

  /** The day before the present one is kept: what is not in the table yet is worked out again. */
  #forgetBefore(source: string, date: string): void {
    for (const key of this.#days.keys())
      if (key.startsWith(`${source} `) && key < `${source} ${date}`) this.#days.delete(key);
  }

  #figures(source: string, date: string): DayFigures {
    return this.#days.get(`${source} ${date}`) ?? nothing;
  }

  #spent(source: string, { date, caps, spent }: WarmUpProgress): readonly Isp[] {
    const mails = this.#days.get(`${source} ${date}`)?.mails;
    return isps.filter((isp) => {
      const cap = caps[isp];
      return spent.includes(isp) || (cap !== undefined && (mails?.get(isp) ?? 0) >= cap);
    });
  }

  #day(source: string, date: string): Counted {
    const key = `${source} ${date}`;
    const known = this.#days.get(key);
    if (known !== undefined) return known;
    const made: Counted = { ...nothing, mails: new Map() };
    this.#days.set(key, made);
    return made;
  }
}
