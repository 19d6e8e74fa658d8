import type { Bed } from '../bed.ts';
import { plainMail } from '../content.ts';
import { type MailToSubmit, submitBatch } from '../load/http-load.ts';
import { rounded } from '../rounded.ts';
import { preciseNow } from '../sink.ts';
import { type Study, scaled } from './scenario.ts';

const domainCount = 50;
const domainOf = (number: number): string => `tail-${String(number).padStart(2, '0')}`;
const bad = domainOf(domainCount);
const mailsEach = 1_200;

const behaviours = {
  /** Replies of a byte a second. */
  tarpit: { tarpit_ms: 1_000 },
  /** Takes connections and never says a word. */
  dead: { unavailable: 'silent' },
} as const;
const healthy = { tarpit_ms: 0, unavailable: 'no' } as const;

/** Each bad one stands between two without it, so that a machine that gets slower or faster is not taken for its doing. */
const pairs = ['without', 'tarpit', 'without', 'dead'] as const;
const order = [...pairs, ...pairs, 'without'] as const;

interface LanesRun {
  readonly badDomain: (typeof order)[number];
  /** To the other 49 domains. */
  readonly messages: number;
  readonly throughputPerSecond: number;
}

interface LanesComparison {
  readonly badDomain: keyof typeof behaviours;
  readonly throughputPerSecond: number;
  /** Mean of the runs before and after. */
  readonly withoutPerSecond: number;
  /** Negative: slower beside the bad one. */
  readonly changePercent: number;
}

/** All share one topic, and with it the window of records that are under way. */
export const lanes: Study = {
  name: 'lanes',
  what: '50 domains of the long tail, as fast as they go: 49 of them with and without one that is dead or a tarpit',
  bed: { oneSource: true },
  peers: false,
  async study(bed, scale, progress) {
    const each = scaled(mailsEach, scale);
    progress('warming up');
    await runOne(bed, 'warm-up', 'without', Math.min(each, 100));
    const runs: LanesRun[] = [];
    for (const [index, badDomain] of order.entries()) {
      const run = await runOne(bed, `lanes-${index}`, badDomain, each);
      progress(
        `${badDomain.padEnd(8)} ${run.messages} mails to the other 49 at ${run.throughputPerSecond}/s`,
      );
      runs.push(run);
    }
    const comparisons = compare(runs);
    return { lines: comparisons.map(lineOf), results: { runs, comparisons } };
  },
};

async function runOne(
  { pipeline, sink }: Bed,
  name: string,
  badDomain: LanesRun['badDomain'],
  each: number,
): Promise<LanesRun> {
  await sink.clear();
  if (badDomain !== 'without') await sink.behave(bad, behaviours[badDomain]);
  const domains = badDomain === 'without' ? domainCount - 1 : domainCount;
  const messages = each * (domainCount - 1);
  const startedAt = preciseNow();
  await submitBatch(pipeline.endpoints, mails(name, domains, each));
  await sink.untilNamed(`${name}-other`, messages);
  const times = (await sink.arrivals())
    .filter(({ to }) => to.startsWith(`${name}-other-`))
    .map(({ at }) => at);
  if (times.length < messages) throw new Error(`${times.length} of ${messages} mails to the others arrived`);
  if (badDomain !== 'without') {
    // What waits for it still, and can leave soon, is not in the way of the next run.
    await sink.behave(bad, healthy);
    await sink.untilNamed(`${name}-bad`, each, { quietMs: 5_000 });
  }
  return {
    badDomain,
    messages,
    throughputPerSecond: rounded((messages * 1_000) / (Math.max(...times) - startedAt), 1),
  };
}

/** The domains take turns. */
function* mails(name: string, domains: number, each: number): Generator<MailToSubmit, undefined> {
  for (let number = 0; number < domains * each; number += 1) {
    const domain = domainOf((number % domains) + 1);
    yield plainMail(`${name}-${domain === bad ? 'bad' : 'other'}-${number}@${domain}.test`, number);
  }
}

/** Each run with a bad domain against those before and after it. */
export function compare(runs: readonly LanesRun[]): readonly LanesComparison[] {
  return runs.flatMap(({ badDomain, throughputPerSecond }, index) => {
    const [before, after] = [runs[index - 1], runs[index + 1]];
    if (badDomain === 'without' || before === undefined || after === undefined) return [];
    const withoutPerSecond = (before.throughputPerSecond + after.throughputPerSecond) / 2;
    const changePercent = rounded(100 * (throughputPerSecond / withoutPerSecond - 1), 1);
    return { badDomain, throughputPerSecond, withoutPerSecond: rounded(withoutPerSecond, 1), changePercent };
  });
}

const lineOf = ({
  badDomain,
  throughputPerSecond,
  withoutPerSecond,
  changePercent,
}: LanesComparison): string =>
  `${badDomain.padEnd(8)} the other 49: ${withoutPerSecond}/s without it, ${throughputPerSecond}/s beside it: ${changePercent > 0 ? '+' : ''}${changePercent} %`;
