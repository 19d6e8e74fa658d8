/** Whether a provider that takes hardly anything changes how fast the others get their mail. */
import type { Bed } from '../bed.ts';
import { plainMail } from '../content.ts';
import { type MailToSubmit, submitBatch } from '../load/http-load.ts';
import { rounded } from '../rounded.ts';
import { ratePerSecond } from '../sliding-window.ts';
import { type Study, scaled } from './scenario.ts';

const limitPerSecond = 40;
const others = { gmail: 'gmail.com', outlook: 'outlook.com', apple: 'icloud.com', comcast: 'comcast.net' };
const stalledDomain = 'yahoo.com';
const backlog = 5_000;

/** From the first mail on, until the workers have shared out connections and tokens: not part of the rate. */
const settleSeconds = 2;
/** Mails beyond those that are counted, so that no lane runs dry. */
const spareSeconds = 3;

const rate = { max_message_rate: `${limitPerSecond}/s` };

export interface StalledRow {
  readonly isp: string;
  readonly limitPerSecond: number;
  /** As the sandbox counted: without the stalled one, and beside it. */
  readonly alonePerSecond: number;
  readonly besidePerSecond: number;
  /** Negative: slower beside it. */
  readonly changePercent: number;
}

/** The others are limited too, so that a rate can be kept exactly, and a busy machine is not taken for the stalled one's doing. */
export const stalled: Study = {
  name: 'stalled',
  what: `four providers at ${limitPerSecond} mails a second, without and beside ${backlog.toLocaleString('en')} queued for one that takes a mail a minute`,
  bed: {
    shaping: {
      default: { tls: 'disabled', connection_limit: 5 },
      isps: {
        yahoo: { max_message_rate: '1/min' },
        ...Object.fromEntries(Object.keys(others).map((isp) => [isp, rate])),
      },
    },
    batchWorkers: 2,
    oneSource: true,
  },
  peers: false,
  async study(bed, scale, progress) {
    const seconds = scaled(40, scale);
    progress(`without it: ${seconds} s`);
    const alone = await ratesOf(bed, 'alone', seconds);
    await submitBatch(bed.pipeline.endpoints, mails('stalled', [stalledDomain], scaled(backlog, scale)));
    progress(`beside it: ${seconds} s`);
    const beside = await ratesOf(bed, 'beside', seconds);
    const taken = (await bed.sink.arrivals()).filter(({ to }) => to.endsWith(`@${stalledDomain}`)).length;
    const rows = compareRates(alone, beside);
    return {
      lines: [...rows.map(lineOf), `the stalled one took ${taken} in that time`],
      results: { rows, takenByStalled: taken },
    };
  },
};

/** Mails a second that each of the others took. */
async function ratesOf(
  { pipeline, sink }: Bed,
  name: string,
  seconds: number,
): Promise<ReadonlyMap<string, number>> {
  await sink.clear();
  const domains = Object.values(others);
  const count = domains.length * limitPerSecond * (settleSeconds + seconds + spareSeconds);
  await submitBatch(pipeline.endpoints, mails(name, domains, count));
  await sink.untilNamed(name, count);
  const arrivals = (await sink.arrivals()).filter(({ to }) => to.startsWith(`${name}-`));
  if (arrivals.length < count) throw new Error(`${arrivals.length} of ${count} mails to the others arrived`);
  return new Map(
    Object.entries(others).map(([isp, domain]) => {
      const times = arrivals.filter(({ to }) => to.endsWith(`@${domain}`)).map(({ at }) => at);
      return [isp, ratePerSecond(times, Math.min(...times) + settleSeconds * 1_000, seconds)];
    }),
  );
}

/** The domains take turns. */
function* mails(name: string, domains: readonly string[], count: number): Generator<MailToSubmit, undefined> {
  for (let number = 0; number < count; number += 1)
    yield plainMail(`${name}-${number}@${domains[number % domains.length]}`, number);
}

/** Each provider's rate against its own. */
export const compareRates = (
  alone: ReadonlyMap<string, number>,
  beside: ReadonlyMap<string, number>,
): readonly StalledRow[] =>
  [...alone].map(([isp, before]) => {
    const after = beside.get(isp) ?? 0;
    return {
      isp,
      limitPerSecond,
      alonePerSecond: rounded(before, 2),
      besidePerSecond: rounded(after, 2),
      changePercent: rounded(100 * (after / before - 1), 2),
    };
  });

const lineOf = ({ isp, alonePerSecond, besidePerSecond, changePercent }: StalledRow): string =>
  `${isp.padEnd(8)} ${alonePerSecond.toFixed(2)}/s without it, ${besidePerSecond.toFixed(2)}/s beside it (${changePercent > 0 ? '+' : ''}${changePercent.toFixed(2)} %)`;
