/**
 * `npm run bench -- SCENARIO [--json FILE] [--peer postfix] [--scale 0.1]`: measures Millrace on a stack of its own, and
 * with `--peer` another mail system on the same mails in the same run. Without a scenario it lists them.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { failWith } from '../../infra/fail-with.ts';
import { UserError } from '../../infra/stack/user-error.ts';
import { type Bed, makeBed } from './bed.ts';
import type { Result } from './measurement.ts';
import { millraceSystem } from './millrace-system.ts';
import { postfixSystem } from './postfix-system.ts';
import { reportJson, reportLines } from './report.ts';
import { batch } from './scenarios/batch.ts';
import { crash } from './scenarios/crash.ts';
import { feedback } from './scenarios/feedback.ts';
import { forecast } from './scenarios/forecast.ts';
import { isolation } from './scenarios/isolation.ts';
import { lanes } from './scenarios/lanes.ts';
import { mixed } from './scenarios/mixed.ts';
import { probing } from './scenarios/probing.ts';
import { realtime } from './scenarios/realtime.ts';
import { relay } from './scenarios/relay.ts';
import type { Comparison, Scenario } from './scenarios/scenario.ts';
import { shaping } from './scenarios/shaping.ts';
import { spike } from './scenarios/spike.ts';
import { stalled } from './scenarios/stalled.ts';

const scenarios: readonly Scenario[] = [
  batch,
  realtime,
  spike,
  mixed,
  relay,
  crash,
  isolation,
  shaping,
  probing,
  forecast,
  lanes,
  stalled,
  feedback,
];
/**
 * Mails before those that are measured. Services run for weeks, and what is measured is what they do then: in the first
 * 10,000 mails of a process V8's compilers take a tenth of its CPU.
 */
const warmUp = { batch: 10_000, paced: 1_000, whole: 10_000 };

const usage = `usage: npm run bench -- SCENARIO [--json FILE] [--peer postfix] [--scale SHARE]
${scenarios.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')}
  --json     writes the figures to a file
  --peer     measures this mail system too, which must be on the PATH
  --scale    a share of the messages, for a quick look: 0.1`;

interface Wanted {
  readonly scenario: Scenario;
  readonly json: string | undefined;
  readonly peer: boolean;
  readonly scale: number;
}

function wantedOf(args: readonly string[]): Wanted {
  const wrong = (problem: string): UserError => new UserError('ERR_USAGE', `${problem}\n${usage}`);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { json: { type: 'string' }, peer: { type: 'string' }, scale: { type: 'string' } },
    });
    const scenario = scenarios.find(({ name }) => name === positionals[0]);
    if (scenario === undefined || positionals.length > 1)
      throw wrong(positionals.length === 0 ? 'Which scenario?' : `No scenario ${positionals.join(' ')}.`);
    const scale = Number(values.scale ?? 1);
    if (!(scale > 0 && scale <= 10)) throw wrong(`--scale ${values.scale} is not a number from 0 to 10.`);
    if (values.peer !== undefined && values.peer !== 'postfix')
      throw wrong(`--peer can be postfix, not ${values.peer}.`);
    if (values.peer !== undefined && !scenario.peers)
      throw wrong(`Scenario ${scenario.name} is about Millrace alone: leave out --peer.`);
    return { scenario, json: values.json, peer: values.peer !== undefined, scale };
  } catch (error) {
    throw error instanceof UserError ? error : wrong(error instanceof Error ? error.message : String(error));
  }
}

async function runAll(
  scenario: Comparison,
  { peer, scale }: Wanted,
  bed: Bed,
): Promise<Record<string, Result>> {
  const results: Record<string, Result> = {};
  const starts = peer ? [millraceSystem, postfixSystem] : [millraceSystem];
  for (const start of starts) {
    const system = await start(bed);
    console.log(`${system.name}: warming up`);
    await system.submitAll('warm-up', warmUp.batch);
    await system.sink.until(warmUp.batch);
    await system.submitPaced('warm-up-paced', 200, (number) => number < warmUp.paced);
    await system.sink.until(warmUp.batch + warmUp.paced);
    await system.sink.clear();
    if (scenario.whole) {
      await system.submitRaw('warm-up-whole', warmUp.whole);
      await system.sink.until(warmUp.whole);
      await system.sink.clear();
    }
    console.log(`${system.name}: ${scenario.name}`);
    const result = await scenario.run(system, bed, scale);
    results[system.name] = result;
    for (const line of reportLines(system.name, result)) console.log(line);
    await system.sink.clear();
    await system.close();
  }
  return results;
}

/** What `--json` writes. */
async function figuresOf(wanted: Wanted, bed: Bed): Promise<object> {
  const { scenario, scale } = wanted;
  if (!('study' in scenario)) return reportJson(scenario.name, await runAll(scenario, wanted, bed));
  const { lines, results } = await scenario.study(bed, scale, (line) => console.log(line));
  for (const line of lines) console.log(line);
  return { scenario: scenario.name, results };
}

try {
  const wanted = wantedOf(process.argv.slice(2));
  const bed = await makeBed({ ...wanted.scenario.bed, progress: (line) => console.log(line) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void bed.stop().finally(() => process.exit(130)));
  try {
    const figures = await figuresOf(wanted, bed);
    if (wanted.json !== undefined)
      writeFileSync(
        wanted.json,
        `${JSON.stringify(figures, undefined, 2)}
`,
      );
  } finally {
    await bed.stop();
  }
} catch (error) {
  failWith(error);
}
