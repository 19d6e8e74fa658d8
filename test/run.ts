/**
 * Runs every test file against one embedded stack of its own: `npm test`, or `npm test -- PART...` for the files
 * whose path contains one of the parts. A file that failed runs once more, alone, after the others. Servers are started
 * on free ports and a temporary directory, so that it runs beside a pipeline that is up; where KAFKA_BROKERS,
 * SCHEMA_REGISTRY_URL and REDIS_URL are all set, those are used.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { type EmbeddedStack, startEmbeddedStack } from '../infra/stack/embedded-stack.ts';
import { UserError } from '../infra/stack/user-error.ts';
import { sharedPipelineVariable, startTestPipeline } from './rig/shared-pipeline.ts';
import { type FileResult, runSteadily } from './rig/steady-run.ts';

const root = resolve(import.meta.dirname, '..');
const parts = process.argv.slice(2);

async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob('{packages,services,schemas,infra,test,examples}/**/*.test.ts', {
    cwd: root,
    exclude: (name) => name.endsWith('node_modules'),
  }))
    files.push(file);
  const wanted = files.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
  // The long ones first: those across services.
  return wanted.sort(
    (a, b) => Number(b.startsWith('test/')) - Number(a.startsWith('test/')) || a.localeCompare(b),
  );
}

async function startStack(directory: string): Promise<EmbeddedStack | undefined> {
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL } = process.env;
  if (KAFKA_BROKERS && SCHEMA_REGISTRY_URL && REDIS_URL) return undefined;
  const stack = await startEmbeddedStack({
    directory,
    libDirectory: join(root, '.millrace', 'lib'),
    progress: (line) => console.log(line),
  });
  Object.assign(process.env, stack.addresses);
  return stack;
}

/** One pipeline for all files that use it; undefined when none of them does. */
async function startSharedPipeline(files: readonly string[]): Promise<{ stop(): Promise<void> } | undefined> {
  const used = files.some((file) =>
    readFileSync(join(root, file), 'utf8').includes('/rig/shared-pipeline.ts'),
  );
  if (!used) return undefined;
  console.log('starting the pipeline that tests share');
  const { stop, ...facts } = await startTestPipeline();
  const file = join(directory, 'pipeline.json');
  writeFileSync(file, JSON.stringify(facts));
  process.env[sharedPipelineVariable] = file;
  return { stop };
}

/** Unit: packages and single files; integration: one service on the stack; end to end: across services. */
function kindOf(file: string): string {
  const path = relative(root, file);
  if (path.startsWith('test/conformance/')) return 'conformance';
  if (path.startsWith('test/faults/')) return 'faults';
  if (path.startsWith('test/') || path.startsWith('examples/')) return 'end to end';
  if (path.startsWith('services/')) return 'service';
  return path.startsWith('packages/core') ? 'core' : 'package';
}

/** `service 12, end to end 40`: how many tests of which kind passed. */
function byKind(results: readonly FileResult[]): string {
  const kinds = new Map<string, number>();
  for (const { file, passed } of results) kinds.set(kindOf(file), (kinds.get(kindOf(file)) ?? 0) + passed);
  return [...kinds].map(([kind, tests]) => `${kind} ${tests}`).join(', ');
}

const started = Date.now();
const directory = mkdtempSync(join(tmpdir(), 'millrace-test-'));
let stack: EmbeddedStack | undefined;
let pipeline: { stop(): Promise<void> } | undefined;
const stop = async (): Promise<void> => {
  await pipeline?.stop();
  await stack?.stop();
  rmSync(directory, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(130)));
}

try {
  const files = await testFiles();
  if (files.length === 0)
    throw new UserError('ERR_NO_TESTS', `No test file's path contains ${parts.join(' or ')}.`);
  stack = await startStack(directory);
  pipeline = await startSharedPipeline(files);
  const results = await runSteadily({
    files: files.map((file) => join(root, file)),
    root,
    concurrency: 2,
    timeoutMs: 300_000,
    output: process.stdout,
  });
  await stop();
  const skipped = results.flatMap((result) => result.skipped);
  if (skipped.length > 0)
    console.log(`\n${skipped.length} skipped:\n${skipped.map((name) => `  ${name}`).join('\n')}`);
  console.log(`\n${byKind(results)}; ${Math.round((Date.now() - started) / 1000)} s`);
  for (const { file, unsteady } of results)
    if (unsteady) console.log(`unsteady: ${relative(root, file)} failed once and passed alone; mend it`);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
} catch (error) {
  await stop();
  console.error(error instanceof UserError ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
