/** Broken reports of the corpus; `bench/fuzz.ts` does the same a hundred thousand times. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { mutated, randomFrom } from '../bench/mutate.ts';
import { parseReport } from './index.ts';

const folder = resolve(import.meta.dirname, '../../../test/corpus/feedback/vendor');

test('1,000 broken reports: none throws, none hangs', async () => {
  const corpus = globSync('*/*.{eml,txt}', { cwd: folder })
    .sort()
    .map((name) => readFileSync(join(folder, name)));
  const random = randomFrom(4);
  const pick = (): Buffer => corpus[Math.floor(random() * corpus.length)] ?? Buffer.alloc(0);
  for (let number = 0; number < 1_000; number++) {
    const bytes = mutated(pick(), pick(), random);
    const begun = process.cpuUsage();
    const { kind } = await parseReport(bytes);
    const { user, system } = process.cpuUsage(begun);
    assert.ok(kind.length > 0);
    // A hang takes seconds; what is quick takes 1 ms, and the bound leaves room for any collection of garbage.
    assert.ok(user + system < 3_000_000, `number ${number} took ${(user + system) / 1_000} ms of CPU`);
  }
});
