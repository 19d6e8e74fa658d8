/** `millrace warmup ...`: how far new sources are on their plans, and when they will be through. */
import { sourceWarmUps, type WarmUpPlan, warmUpCaps, warmUpDaysLeft, warmUpPlans } from '@millrace/core';
import { type Config, didYouMean } from '@millrace/service';
import { usageError } from '../cli-error.ts';
import type { CommandContext } from '../context.ts';
import { deliveredToday } from '../delivered-volume.ts';
import { dateAndTime } from '../duration.ts';
import type { Ending } from '../exit-codes.ts';
import { numberFlag, timeFlag } from '../flags.ts';
import { printable } from '../printable.ts';
import { readControls } from '../shaping-in-force.ts';
import { grouped, tableOf } from '../terminal.ts';
import { type ControlFlags, setControl, undoControl } from './controls.ts';

export interface WarmUpStatusFlags {
  /** Mails a day that the source's pools have to send. */
  readonly volume?: string;
  readonly timeout: string;
}

/** One source on its way. */
interface WarmUpStatus {
  readonly source: string;
  readonly plan: string;
  readonly days: number;
  /** null: nothing has been sent or counted yet. */
  readonly day: number | null;
  readonly date: string | null;
  readonly completed: boolean;
  /** Why it is on this day. */
  readonly reason: string | null;
  /** Mails of this day, all providers together. */
  readonly allowed: number;
  readonly held: { readonly by: string; readonly reason: string; readonly until: number | null } | null;
  /** Mails that its pools delivered in the last 24 hours, or what was said of it. */
  readonly volume: number;
  /** null: with this volume it is never through. */
  readonly days_left: number | null;
  /** Calendar day after its last day. */
  readonly completes_on: string | null;
}

const dayMs = 86_400_000;

export async function warmUpStatus(context: CommandContext, flags: WarmUpStatusFlags): Promise<Ending> {
  const { config } = context.installation();
  const timeoutMs = timeFlag('--timeout', flags.timeout);
  const said = flags.volume === undefined ? undefined : numberFlag('--volume', flags.volume, 1);
  const controls = await readControls(context);
  const warmUps = sourceWarmUps(config);
  const delivered =
    said === undefined && warmUps.length > 0 ? await deliveredToday(context, timeoutMs) : undefined;
  const now = context.now();
  const found = warmUps.map(({ source, plan, start }): WarmUpStatus => {
    const progress = controls.warmUpOf(source);
    const hold = controls.holdOf(source, now);
    const volume = said ?? volumeOf(config, source, delivered ?? new Map());
    const completed = progress?.completed ?? false;
    const daysLeft = completed ? 0 : warmUpDaysLeft(plan, progress?.day ?? 1, volume);
    // A plan that begins later is through as much later.
    const from = Math.max(Date.parse(progress?.date ?? start), Date.parse(start));
    return {
      ...{
        source,
        plan: plan.name,
        days: plan.days,
        day: progress?.day ?? null,
        date: progress?.date ?? null,
      },
      ...{ completed, reason: progress?.reason ?? null, allowed: allowedOn(plan, progress?.day ?? 1) },
      held: hold === undefined ? null : { by: hold.author, reason: hold.reason, until: hold.until },
      volume,
      days_left: daysLeft,
      completes_on:
        daysLeft === null || completed ? null : new Date(from + daysLeft * dayMs).toISOString().slice(0, 10),
    };
  });
  if (context.json) context.terminal.line(JSON.stringify({ sources: found }));
  else showStatus(context, found);
  return 'ok';
}

const allowedOn = (plan: WarmUpPlan, day: number): number =>
  Object.values(warmUpCaps(plan, day)).reduce((sum, cap) => sum + cap, 0);

/** What all sources that share a pool with this one have delivered: it could all go through it. */
const volumeOf = (
  { pools }: Pick<Config, 'pools'>,
  source: string,
  delivered: ReadonlyMap<string, number>,
): number => {
  const together = new Set(
    Object.values(pools)
      .filter(({ sources }) => sources.some((one) => one.source === source))
      .flatMap(({ sources }) => sources.map((one) => one.source)),
  );
  return [...together].reduce((sum, name) => sum + (delivered.get(name) ?? 0), 0);
};

function showStatus({ terminal }: CommandContext, found: readonly WarmUpStatus[]): void {
  if (found.length === 0) {
    terminal.line('No source is warmed: sources.<name>.warm_up in the configuration begins it.');
    return;
  }
  const rows = found.map((one) =>
    [
      one.source,
      one.plan,
      one.completed ? 'through' : one.day === null ? 'not begun' : `${one.day} of ${one.days}`,
      one.completed ? '' : grouped(one.allowed),
      grouped(one.volume),
      one.completed ? '' : (one.completes_on ?? 'never with this volume'),
      one.held === null
        ? (one.reason ?? '')
        : `held by ${one.held.by}${one.held.until === null ? '' : ` until ${dateAndTime(one.held.until)}`}: ${one.held.reason}`,
    ].map(printable),
  );
  const head = ['SOURCE', 'PLAN', 'DAY', 'TODAY', 'VOLUME', 'THROUGH ON', 'WHY'];
  terminal.line(tableOf(terminal, head, rows, [3, 4]));
}

/** The caps of every day of a plan, or of the plan of a source. */
export async function showWarmUpPlan(context: CommandContext, name: string): Promise<Ending> {
  const { config } = context.installation();
  const plans = warmUpPlans(config);
  const plan = plans.get(name) ?? sourceWarmUps(config).find(({ source }) => source === name)?.plan;
  if (plan === undefined) {
    const known = [...plans.keys()];
    throw usageError(
      `There is no plan "${name}", and no source of that name is warmed.${didYouMean(name, known)}`,
      `Plans are ${known.join(', ')}.`,
    );
  }
  const days = Array.from({ length: plan.days }, (_, index) => ({
    day: index + 1,
    caps: warmUpCaps(plan, index + 1),
    total: allowedOn(plan, index + 1),
  }));
  if (context.json) context.terminal.line(JSON.stringify({ name: plan.name, growth: plan.growth, days }));
  else {
    const isps = Object.keys(days[0]?.caps ?? {});
    const rows = days.map(({ day, caps, total }) => [
      String(day),
      grouped(total),
      ...Object.values(caps).map((cap) => grouped(cap)),
    ]);
    const head = ['DAY', 'ALL', ...isps.map((isp) => isp.toUpperCase())];
    context.terminal.line(
      tableOf(
        context.terminal,
        head,
        rows,
        head.map((_name, column) => column),
      ),
    );
  }
  return 'ok';
}

/** Its day is repeated until it is resumed. */
export const holdWarmUp = (context: CommandContext, source: string, flags: ControlFlags): Promise<Ending> =>
  setControl(context, 'hold', `warmup:${source}`, flags);

export const resumeWarmUp = (context: CommandContext, source: string): Promise<Ending> =>
  undoControl(context, 'hold', `warmup:${source}`);
