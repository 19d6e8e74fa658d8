import { setTimeout as sleep } from 'node:timers/promises';
import type { ShownAnswer } from '@millrace/sandbox';
import type { Bed } from '../bed.ts';
import { plainMail, recipientOf } from '../content.ts';
import { type MailToSubmit, submitBatch } from '../load/http-load.ts';
import { settledWebhooks, type WebhookFigures, webhookLines } from '../webhook-study.ts';
import { type Study, scaled } from './scenario.ts';

const mails = 10_000;
const shares = {
  late_bounce_share: 0.05,
  complaint_share: 0.005,
  one_click_share: 0.007,
  mailto_unsubscribe_share: 0.003,
};
const nothing = Object.fromEntries(Object.keys(shares).map((share) => [share, 0]));
const isps = ['gmail', 'yahoo', 'outlook', 'apple', 'comcast', 'tail'];
const category = 'newsletter';
const probes = 20;
const settleMs = 60_000;

/** What each kind of answer must have become. */
const reasonOf = {
  bounce: 'bounce',
  complaint: 'complaint',
  one_click: 'unsubscribe',
  mailto_unsubscribe: 'unsubscribe',
};

interface FeedbackFigures {
  readonly mails: number;
  readonly answers: Readonly<Record<string, number>>;
  /** With the right reason, and the list where it is an unsubscription. */
  readonly suppressedRight: number;
  /** Answered and not suppressed, or otherwise. */
  readonly missing: number;
  /** Suppressed and never answered. */
  readonly tooMany: number;
  /** From the last answer until all suppressions were written, ms. */
  readonly settledMs: number;
  /** Of the next campaign: those that were left out, and those that should have been and were not. */
  readonly skipped: number;
  readonly notSkipped: number;
  /** Delivered of those that nothing was wrong with. */
  readonly others: number;
  /** From the provider's mail to the suppression being in force at another process, ms. */
  readonly complaintToForceMs: { readonly p50: number; readonly max: number };
  /** At an endpoint that refuses a third of the requests. */
  readonly webhooks: WebhookFigures;
}

/** Everything that comes back is known in advance, and compared one by one. */
export const feedback: Study = {
  name: 'feedback',
  what: '10,000 mails of which 5 % bounce late, 0.5 % are complained about, 1 % unsubscribe; then the next campaign; webhooks of it all',
  peers: false,
  bed: { webhooks: true },
  async study(bed, scale, progress) {
    if (bed.webhooks === undefined) throw new Error('The bed has no receiver of webhooks');
    const count = scaled(mails, scale);
    for (const isp of isps) await bed.sink.behave(isp, { ...shares, answer_after_ms: 500 });
    await submitBatch(bed.pipeline.endpoints, campaign(count));
    await bed.sink.until(count);
    const answers = await settledAnswers(bed);
    const lastAt = Math.max(...answers.map(({ sent_at }) => sent_at ?? 0));
    progress(`${answers.length} answers of ${count} mails`);
    const expected = new Map(answers.map(({ recipient, kind }) => [recipient, expectedOf(kind)]));
    const rows = await settledRows(bed, expected.size);
    const settledMs = Math.max(0, Date.now() - lastAt);
    const right = [...expected].filter(([address, text]) => rows.get(address) === text).length;
    const tooMany = [...rows.keys()].filter((address) => !expected.has(address)).length;

    for (const isp of isps) await bed.sink.behave(isp, nothing);
    await bed.sink.clear();
    progress('the next campaign');
    await submitBatch(bed.pipeline.endpoints, campaign(count));
    await bed.sink.until(count - expected.size);
    // One that should have been left out may come last.
    await sleep(3_000);
    const arrived = (await bed.sink.arrived()).at;
    const notSkipped = [...expected.keys()].filter((address) => arrived.has(address)).length;
    const complaintToForceMs = await probe(bed, progress);
    progress('webhooks');
    const webhooks = await settledWebhooks(bed.pipeline, bed.webhooks);
    const figures: FeedbackFigures = {
      mails: count,
      answers: tally(answers),
      suppressedRight: right,
      missing: expected.size - right,
      tooMany,
      settledMs,
      skipped: expected.size - notSkipped,
      notSkipped,
      others: arrived.size - notSkipped,
      complaintToForceMs,
      webhooks,
    };
    return { lines: linesOf(figures), results: figures };
  },
};

function* campaign(count: number): Generator<MailToSubmit, undefined> {
  for (let number = 0; number < count; number += 1) {
    const { to, body } = plainMail(recipientOf('reader', number), number);
    yield { to, body: { ...body, category, campaign: 'feedback' } };
  }
}

const expectedOf = (kind: ShownAnswer['kind']): string => {
  const reason = kind === 'auto_reply' ? '' : reasonOf[kind];
  return reason === 'unsubscribe' ? `${reason} ${category}` : reason;
};

const answersOf = async ({ pipeline }: Bed): Promise<readonly ShownAnswer[]> => {
  const response = await fetch(`${pipeline.endpoints.sandbox.http}/answers`);
  const { answers }: { answers: readonly ShownAnswer[] } = JSON.parse(await response.text());
  return answers;
};

/** All of them, when the last one was sent. */
async function settledAnswers(bed: Bed): Promise<readonly ShownAnswer[]> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const answers = await answersOf(bed);
    if (answers.every(({ state }) => state === 'sent')) {
      const refused = answers.find(({ refusal }) => refusal !== null);
      if (refused !== undefined) throw new Error(`An answer was refused: ${refused.refusal}`);
      return answers;
    }
    if (Date.now() > deadline) throw new Error('Not all answers were sent');
    await sleep(200);
  }
}

const authorized = ({ pipeline }: Bed) => ({
  headers: { authorization: `Bearer ${pipeline.endpoints.apiKey}` },
});

/** Reason and list by address. */
async function rowsOf(bed: Bed): Promise<ReadonlyMap<string, string>> {
  const response = await fetch(`${bed.pipeline.endpoints.ingest.http}/v1/suppressions`, authorized(bed));
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const row: { address: string; reason: string; list: string | null } = JSON.parse(line);
      return [row.address, row.list === null ? row.reason : `${row.reason} ${row.list}`];
    }),
  );
}

/** When there are as many as there should be, or no more come. */
async function settledRows(bed: Bed, count: number): Promise<ReadonlyMap<string, string>> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const rows = await rowsOf(bed);
    if (rows.size >= count || Date.now() > deadline) return rows;
    await sleep(100);
  }
}

/** Complaints one after the other: from the provider's mail to what ingest says, which follows the topic as routers do. */
async function probe(
  bed: Bed,
  progress: (line: string) => void,
): Promise<FeedbackFigures['complaintToForceMs']> {
  progress(`${probes} complaints one by one`);
  const took: number[] = [];
  for (let number = 0; number < probes; number += 1) {
    const to = `complain+${number}@gmail.com`;
    await submitBatch(bed.pipeline.endpoints, [{ to, body: { ...plainMail(to, number).body, category } }]);
    const url = `${bed.pipeline.endpoints.ingest.http}/v1/suppressions/${encodeURIComponent(to)}`;
    const deadline = Date.now() + settleMs;
    for (;;) {
      const response = await fetch(url, authorized(bed));
      await response.arrayBuffer();
      if (response.ok) break;
      if (Date.now() > deadline) throw new Error(`The complaint of ${to} changed nothing`);
      await sleep(5);
    }
    const inForceAt = Date.now();
    const answer = (await answersOf(bed)).find(({ recipient }) => recipient === to);
    took.push(inForceAt - (answer?.sent_at ?? inForceAt));
  }
  took.sort((a, b) => a - b);
  return { p50: took[Math.floor(took.length / 2)] ?? 0, max: took.at(-1) ?? 0 };
}

const tally = (answers: readonly ShownAnswer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind, style } of answers) {
    const name = style === null ? kind : `${kind} ${style}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

const linesOf = (figures: FeedbackFigures): readonly string[] => [
  ...Object.entries(figures.answers).map(([kind, count]) => `${kind.padEnd(20)} ${count}`),
  `suppressed right     ${figures.suppressedRight}, missing or wrong ${figures.missing}, too many ${figures.tooMany}`,
  `all written          ${figures.settledMs} ms after the last answer`,
  `next campaign        ${figures.skipped} skipped, ${figures.notSkipped} not skipped, ${figures.others} others delivered`,
  `complaint to force   p50 ${figures.complaintToForceMs.p50} ms, most ${figures.complaintToForceMs.max} ms`,
  ...webhookLines(figures.webhooks),
];
