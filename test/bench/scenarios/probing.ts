/** `adaptive: true` against providers that say nothing of their limits: what they counted is what it is judged by. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ratePerSecond as perSecondOf } from '@millrace/shaping';
import { localSources } from '../../../infra/pipeline/addresses.ts';
import type { Bed } from '../bed.ts';
import { plainMail } from '../content.ts';
import { type MailToSubmit, submitBatch } from '../load/http-load.ts';
import { rounded } from '../rounded.ts';
import { preciseNow } from '../sink.ts';
import { type Study, scaled } from './scenario.ts';

interface HiddenLimit {
  readonly isp: string;
  readonly domain: string;
  /** How the provider counts. */
  readonly kind: string;
  readonly perSecond: number;
  readonly behaviour: object;
}

const hiddenLimits: readonly HiddenLimit[] = [
  {
    ...{ isp: 'gmail', domain: 'gmail.com', kind: '600 a minute, then a minute of nothing', perSecond: 10 },
    behaviour: { hidden_limit: { messages_per_minute: 600, penalty_seconds: 60 } },
  },
  {
    ...{ isp: 'outlook', domain: 'outlook.com', kind: '480 a minute, then three of nothing', perSecond: 8 },
    behaviour: { hidden_limit: { messages_per_minute: 480, penalty_seconds: 180 } },
  },
  {
    ...{ isp: 'yahoo', domain: 'yahoo.com', kind: '12 a second, each above it refused', perSecond: 12 },
    behaviour: { messages_per_second: 12, messages_burst: 12 },
  },
];

const minutes = 32;
/** At the end: what it has settled on. */
const settledMinutes = 8;
/** Share of the time after which the shaper is started anew: it is to go on from what it has found. */
const restartAfter = 0.7;
const sampleMs = 10_000;
/** A lane has at least so many waiting. */
const fewest = 600;
const refill = 1_200;
const workers = 2;

const source = localSources.batch[0].name;

export interface ProbingSample {
  readonly second: number;
  /** In force at that moment; null: nothing was found yet. */
  readonly allowedPerSecond: number | null;
  /** Since the sample before, as the provider counted. */
  readonly takenPerSecond: number;
  readonly refused: number;
}

export interface ProbingRun {
  readonly isp: string;
  readonly kind: string;
  readonly limitPerSecond: number;
  /** Mails that the provider took in the last minutes, a second. */
  readonly settled: {
    readonly minutes: number;
    readonly meanPerSecond: number;
    /** Of the rates of whole minutes. */
    readonly medianPerSecond: number;
    /** Of the best of those minutes: where the others are far below it, the machine had no CPU for more. */
    readonly mostPerSecond: number;
    /** In force: what the workers might have sent. */
    readonly allowedPerSecond: number;
    /** Of the hidden limit. */
    readonly meanShare: number;
    readonly medianShare: number;
    readonly allowedShare: number;
    readonly refused: number;
  };
  readonly refused: number;
  readonly samples: readonly ProbingSample[];
}

/** Queues never run dry, so what the shaper makes of the answers is all that holds them back. */
export const probing: Study = {
  name: 'probing',
  what: `adaptive lanes of ${hiddenLimits.length} providers whose limits nobody knows, for ${minutes} minutes`,
  bed: {
    shaping: { default: { tls: 'disabled', connection_limit: 5, adaptive: true } },
    batchWorkers: workers,
    oneSource: true,
    shaperActs: true,
  },
  peers: false,
  async study(bed, scale, progress) {
    for (const { isp, behaviour } of hiddenLimits) await bed.sink.behave(isp, behaviour);
    const lanes = hiddenLimits.map((limit) => new ProbedLane(limit));
    const seconds = 60 * scaled(minutes, scale);
    const began = preciseNow();
    let last = began;
    let seenTo = began;
    let restarted = false;
    for (let second = 0; second < seconds; second = Math.round((last - began) / 1_000)) {
      for (const lane of lanes) await lane.refill(bed);
      if (!restarted && second > seconds * restartAfter) {
        restarted = true;
        progress('the shaper is started anew');
        await bed.pipeline.service('shaper').stop();
        await bed.pipeline.service('shaper').start();
      }
      await sleep(sampleMs);
      const now = preciseNow();
      const arrivals = await bed.sink.arrivals(seenTo);
      const allowed = await allowedRates(bed);
      for (const lane of lanes) await lane.sample(bed, { arrivals, allowed, from: last, now, began });
      seenTo = arrivals.at(-1)?.at ?? seenTo;
      last = now;
      progress(`${String(second).padStart(5)} s  ${lanes.map((lane) => lane.line()).join('   ')}`);
    }
    const runs = lanes.map((lane) => lane.run(began, last));
    return { lines: tableOf(runs), results: { runs } };
  },
};

interface Sampled {
  readonly arrivals: readonly { readonly at: number; readonly to: string }[];
  readonly allowed: ReadonlyMap<string, number | null>;
  readonly from: number;
  readonly now: number;
  readonly began: number;
}

class ProbedLane {
  readonly #limit: HiddenLimit;
  readonly #times: number[] = [];
  readonly #samples: ProbingSample[] = [];
  #submitted = 0;
  #refused = 0;

  constructor(limit: HiddenLimit) {
    this.#limit = limit;
  }

  /** What was refused comes back later, and is not counted as waiting. */
  async refill({ pipeline }: Bed): Promise<void> {
    if (this.#submitted - this.#times.length - this.#refused >= fewest) return;
    const { isp, domain } = this.#limit;
    await submitBatch(pipeline.endpoints, mails(`probing-${isp}`, domain, this.#submitted, refill));
    this.#submitted += refill;
  }

  async sample({ sink }: Bed, { arrivals, allowed, from, now, began }: Sampled): Promise<void> {
    const { isp, domain } = this.#limit;
    const taken = arrivals.filter(({ to }) => to.endsWith(`@${domain}`)).map(({ at }) => at);
    this.#times.push(...taken);
    const refused = await sink.deferred(isp);
    this.#samples.push({
      second: Math.round((now - began) / 1_000),
      allowedPerSecond: allowed.get(`lane:batch/${isp}/${source}`) ?? null,
      takenPerSecond: rounded((taken.length * 1_000) / (now - from), 2),
      refused: refused - this.#refused,
    });
    this.#refused = refused;
  }

  line(): string {
    const { allowedPerSecond: allowed, takenPerSecond: taken } = this.#samples.at(-1) ?? {
      allowedPerSecond: null,
      takenPerSecond: 0,
    };
    const may = allowed === null ? '?' : allowed.toFixed(2);
    return `${this.#limit.isp} may ${may.padStart(5)}/s, took ${taken.toFixed(2).padStart(5)}/s, refused ${this.#refused}`;
  }

  run(began: number, until: number): ProbingRun {
    const { isp, kind, perSecond } = this.#limit;
    const lasting = Math.max(1, Math.min(settledMinutes, Math.floor((until - began) / 120_000)));
    const rates = minuteRates(this.#times, until, lasting);
    const mean = rates.reduce((sum, one) => sum + one, 0) / rates.length;
    const median = medianOf(rates);
    const from = (until - began) / 1_000 - 60 * lasting;
    const last = this.#samples.filter(({ second }) => second > from);
    const allowed = last.reduce((sum, one) => sum + (one.allowedPerSecond ?? 0), 0) / last.length;
    return {
      isp,
      kind,
      limitPerSecond: perSecond,
      settled: {
        minutes: lasting,
        meanPerSecond: rounded(mean, 2),
        medianPerSecond: rounded(median, 2),
        mostPerSecond: rounded(Math.max(...rates), 2),
        allowedPerSecond: rounded(allowed, 2),
        meanShare: rounded(mean / perSecond, 4),
        medianShare: rounded(median / perSecond, 4),
        allowedShare: rounded(allowed / perSecond, 4),
        refused: last.reduce((sum, { refused }) => sum + refused, 0),
      },
      refused: this.#refused,
      samples: this.#samples,
    };
  }
}

/** Mails a second in each of the last `minutes` minutes before `until`, the oldest first. Times are ms. */
export function minuteRates(times: readonly number[], until: number, lasting: number): readonly number[] {
  return Array.from({ length: lasting }, (_, index) => {
    const from = until - (lasting - index) * 60_000;
    return times.filter((at) => at > from && at <= from + 60_000).length / 60;
  });
}

/** Of an even number, the mean of the two in the middle; of none, 0. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2;
}

/** What probing allows, by scope. */
async function allowedRates({ pipeline }: Bed): Promise<ReadonlyMap<string, number | null>> {
  const { endpoints } = pipeline;
  const response = await fetch(`${endpoints.ingest.http}/v1/controls`, {
    headers: { authorization: `Bearer ${endpoints.apiKey}` },
  });
  if (!response.ok) throw new Error(`GET /v1/controls: ${response.status}`);
  const { controls }: { controls: readonly ShownControl[] } = JSON.parse(await response.text());
  return new Map(
    controls
      .filter(({ kind }) => kind === 'adaptive')
      .map(({ scope, limits }) => [scope, perSecondOf(limits?.max_message_rate ?? 'unlimited')]),
  );
}

interface ShownControl {
  readonly kind: string;
  readonly scope: string;
  readonly limits?: { readonly max_message_rate?: string };
}

function* mails(
  name: string,
  domain: string,
  first: number,
  count: number,
): Generator<MailToSubmit, undefined> {
  for (let number = first; number < first + count; number += 1)
    yield plainMail(`${name}-${number}@${domain}`, number);
}

const tableOf = (runs: readonly ProbingRun[]): readonly string[] => [
  'provider  hidden limit/s  took/s  of the limit  median/s  of the limit  best minute/s  might/s  refused  (of them lately)',
  ...runs.map(({ isp, limitPerSecond, refused, settled, kind }) =>
    [
      isp.padEnd(8),
      String(limitPerSecond).padStart(14),
      settled.meanPerSecond.toFixed(2).padStart(6),
      `${(100 * settled.meanShare).toFixed(1)} %`.padStart(12),
      settled.medianPerSecond.toFixed(2).padStart(8),
      `${(100 * settled.medianShare).toFixed(1)} %`.padStart(12),
      settled.mostPerSecond.toFixed(2).padStart(13),
      settled.allowedPerSecond.toFixed(2).padStart(7),
      String(refused).padStart(7),
      `(${settled.refused})`.padEnd(16),
      kind,
    ].join('  '),
  ),
];
