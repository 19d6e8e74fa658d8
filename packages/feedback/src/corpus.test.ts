/** How much of the reports in test/corpus/feedback is read right, by origin. Its README says where they come from. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';
import { type FeedbackReport, parseReport } from './index.ts';

interface Answer {
  readonly file: string;
  readonly kind: string;
  readonly origin: string;
  readonly recipients: readonly {
    /** Either of these is right; null: nobody can tell. */
    readonly address: readonly string[] | null;
    readonly hard: boolean | null;
  }[];
  readonly complaint?: {
    readonly type: string;
    readonly address: string | null;
    readonly sourceIp: string | null;
  };
  readonly heldOut?: true;
}

const folder = resolve(import.meta.dirname, '../../../test/corpus');
const answers: readonly Answer[] = readFileSync(join(folder, 'feedback/answers.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

const read = (name: string): Buffer =>
  readFileSync(name.startsWith('fixtures/') ? join(folder, name) : join(folder, 'feedback/vendor', name));

interface Scored {
  readonly name: string;
  readonly answer: Answer;
  readonly report: FeedbackReport;
  readonly addresses: boolean | null;
  readonly hard: boolean | null;
}

const isBounce = (kind: string): boolean => kind === 'bounce' || kind === 'delay';

const lower = (texts: readonly string[]): readonly string[] => texts.map((text) => text.toLowerCase());

const score = (name: string, answer: Answer, report: FeedbackReport): Scored => {
  const told = answer.recipients.filter(({ address }) => address !== null);
  if (!isBounce(answer.kind) || told.length === 0)
    return { name, answer, report, addresses: null, hard: null };
  const found = lower(report.recipients.flatMap(({ address }) => address ?? []));
  const isRight = (address: readonly string[] | null): boolean =>
    lower(address ?? []).some((one) => found.includes(one));
  const expected = lower(told.flatMap(({ address }) => address ?? []));
  const addresses =
    told.every(({ address }) => isRight(address)) && found.every((one) => expected.includes(one));
  const judged = told.filter(({ hard }) => hard !== null);
  const hard = judged.every(({ address, hard: is }) =>
    report.recipients.some(
      (one) => one.hard === is && lower(address ?? []).includes((one.address ?? '').toLowerCase()),
    ),
  );
  return { name, answer, report, addresses, hard: report.kind === answer.kind && hard };
};

let scores: readonly Scored[] = [];

before(async () => {
  scores = await Promise.all(
    answers.map(async (answer) => score(answer.file, answer, await parseReport(read(answer.file)))),
  );
});

const share = (list: readonly (boolean | null)[]): number => {
  const judged = list.filter((one) => one !== null);
  return judged.length === 0 ? 1 : judged.filter(Boolean).length / judged.length;
};

const wrong = (list: readonly Scored[], part: 'addresses' | 'hard'): string =>
  list
    .filter((one) => one[part] === false)
    .map(
      ({ name, report }) =>
        `${name}: ${report.kind} ${report.recipients.map(({ address, hard, rule }) => `${address} ${hard ? 'hard' : 'soft'} (${rule})`).join(', ')}`,
    )
    .join('\n');

test('the failed address is right in at least 97 % of the bounces and delays', () => {
  assert.ok(share(scores.map(({ addresses }) => addresses)) >= 0.97, wrong(scores, 'addresses'));
});

test('hard or soft is right in at least 95 % of them', () => {
  assert.ok(share(scores.map(({ hard }) => hard)) >= 0.95, wrong(scores, 'hard'));
});

test('so it is in the third that the rules were not first written for', () => {
  const heldOut = scores.filter(({ answer }) => answer.heldOut === true);
  assert.ok(heldOut.length > 50);
  assert.ok(share(heldOut.map(({ addresses }) => addresses)) >= 0.97, wrong(heldOut, 'addresses'));
  assert.ok(share(heldOut.map(({ hard }) => hard)) >= 0.95, wrong(heldOut, 'hard'));
});

test('of every origin with five reports or more, nine in ten addresses are right', () => {
  for (const [origin, list = []] of Object.entries(Object.groupBy(scores, ({ answer }) => answer.origin)))
    if (list.length >= 5)
      assert.ok(
        share(list.map(({ addresses }) => addresses)) >= 0.9,
        `${origin}\n${wrong(list, 'addresses')}`,
      );
});

test('no complaint, auto-reply or other mail is taken for a bounce, and every complaint is found', () => {
  for (const { name, answer, report } of scores) {
    if (!isBounce(answer.kind)) assert.equal(report.kind, answer.kind, name);
    if (answer.complaint === undefined) continue;
    const { type, address, sourceIp } = answer.complaint;
    assert.deepEqual(
      [report.complaint?.type, report.complaint?.address, report.complaint?.sourceIp],
      [type, address, sourceIp],
      name,
    );
  }
});

test('the origin is recognised where it was', () => {
  const named = scores.filter(({ answer }) => answer.origin !== 'other');
  const lost = named.filter(({ answer, report }) => report.origin !== answer.origin);
  assert.deepEqual(
    lost.map(({ name, report }) => `${name}: ${report.origin}`),
    [],
  );
});
