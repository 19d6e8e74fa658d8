/** Reports a second on one core: `node packages/feedback/bench/parse.ts FOLDER... [--seconds 10]`. */
import { globSync, readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseReport } from '../src/index.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '10' } },
});
const corpus = positionals
  .flatMap((folder) => globSync(`${folder}/**/*`))
  .filter((file) => statSync(file).isFile())
  .map((file) => readFileSync(file));
if (corpus.length === 0) throw new Error('Name folders with reports.');
for (const report of corpus) await parseReport(report);

const begun = performance.now();
const cpu = process.cpuUsage();
let reports = 0;
while (performance.now() - begun < Number(values.seconds) * 1_000)
  for (const report of corpus) {
    await parseReport(report);
    reports++;
  }
const seconds = (performance.now() - begun) / 1_000;
const { user, system } = process.cpuUsage(cpu);
console.log({
  reports,
  meanBytes: Math.round(corpus.reduce((sum, { length }) => sum + length, 0) / corpus.length),
  perSecond: Math.round(reports / seconds),
  perCpuSecond: Math.round(reports / ((user + system) / 1e6)),
  rssMiB: Math.round(process.memoryUsage().rss / 1_048_576),
});
