/**
 * `node test/bench/suppression-index.ts [ENTRIES]`: what a look-up costs among ten million suppressions, and what they take
 * of memory; how long a process needs to read them from Kafka is the topic's size by what `millrace doctor` shows.
 */
import { SuppressionIndex, type SuppressionQuestion } from '@millrace/core';

const entries = Number(process.argv[2] ?? 10_000_000);
const lookups = 2_000_000;
const addressOf = (number: number): string => `reader.${number}@domain-${number % 5_000}.example`;

const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined);
const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MB`;
const cpuOf = (work: () => void): number => {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
};

collect();
const rssBefore = process.memoryUsage.rss();
const index = new SuppressionIndex(0x5eed);
const filling = cpuOf(() => {
  for (let number = 0; number < entries; number += 1) {
    // One in a hundred is a full mailbox, which ends; one in ten an unsubscription from a list.
    const ends = number % 100 === 0;
    const list = number % 10 === 3 ? 'newsletter' : null;
    index.set('acme', addressOf(number), {
      reason: list === null ? 'bounce' : 'unsubscribe',
      streams: list === null ? [] : ['batch'],
      expiresAt: ends ? 4_000_000_000_000 : null,
      list,
    });
  }
});
collect();
const rss = process.memoryUsage.rss() - rssBefore;

const measure = (what: string, numberOf: (turn: number) => number): void => {
  const questions: SuppressionQuestion[] = Array.from({ length: 10_000 }, (_, turn) => ({
    ...{ tenant: 'acme', address: addressOf(numberOf(turn)), stream: 'batch', list: 'newsletter' },
  }));
  let found = 0;
  const us = cpuOf(() => {
    for (let turn = 0; turn < lookups; turn += 1) {
      const question = questions[turn % questions.length];
      if (question !== undefined && index.find(question, 1_800_000_000_000) !== undefined) found += 1;
    }
  });
  console.log(
    `${what.padEnd(24)} ${(us / lookups).toFixed(2)} us of CPU a look-up, ${((100 * found) / lookups).toFixed(1)} % found`,
  );
};

console.log(
  `${entries.toLocaleString('en-US')} entries: ${megabytes(index.bytes)} in the index, ${(index.bytes / entries).toFixed(1)} bytes each; ` +
    `the process grew by ${megabytes(rss)}; ${(filling / entries).toFixed(2)} us of CPU to add one`,
);
measure('address not suppressed', (turn) => entries + turn * 7_919);
measure('address suppressed', (turn) => (turn * 7_919) % entries);
