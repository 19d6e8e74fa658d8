/**
 * Runs test files, and a file that failed once more, alone, after the others: a machine that is busy with something else
 * must not throw a whole run away, and a test that leans on timing must not stay unseen. So what passes alone counts as
 * passed and is named, and what fails twice has failed.
 */
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface SteadyRunOptions {
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly root: string;
  /** Files at once. */
  readonly concurrency: number;
  /** For one file, ms. */
  readonly timeoutMs: number;
  readonly output: NodeJS.WritableStream;
}

/** How the tests of one file ended the last time that it ran. */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  /** Names, with the reason where there is one. */
  readonly skipped: readonly string[];
  /** It failed among the others and passed alone. */
  readonly unsteady: boolean;
}

interface Tally {
  passed: number;
  failed: number;
  readonly skipped: string[];
}

/** Results by file; a test that Node does not ascribe to one of them is listed under what it names instead. */
export async function runSteadily(options: SteadyRunOptions): Promise<readonly FileResult[]> {
  const first = await runOnce(options);
  const results = new Map<string, FileResult>();
  for (const [file, tally] of first) results.set(file, { file, ...tally, unsteady: false });
  for (const [file, { failed }] of first) {
    if (failed === 0 || !options.files.includes(file)) continue;
    options.output.write(`\nonce more, alone: ${relative(options.root, file)}\n`);
    const second = await runOnce({ ...options, files: [file], concurrency: 1 });
    const tally = second.get(file) ?? { passed: 0, failed: 1, skipped: [] };
    const elsewhere = [...second].reduce((sum, [name, one]) => sum + (name === file ? 0 : one.failed), 0);
    const failures = tally.failed + elsewhere;
    results.set(file, { file, ...tally, failed: failures, unsteady: failures === 0 && tally.passed > 0 });
  }
  return [...results.values()];
}

async function runOnce(options: SteadyRunOptions): Promise<ReadonlyMap<string, Tally>> {
  const { files, root, concurrency, timeoutMs, output } = options;
  const tallies = new Map<string, Tally>();
  const of = (event: { readonly file?: string; readonly name: string }): Tally => {
    // A file that could not be run at all is a test with its path as its name.
    const file = files.find((one) => one === event.file || relative(root, one) === event.name) ?? event.file;
    const key = file ?? event.name;
    const tally = tallies.get(key) ?? { passed: 0, failed: 0, skipped: [] };
    tallies.set(key, tally);
    return tally;
  };
  const stream = run({ files: [...files], concurrency, timeout: timeoutMs, cwd: root });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    const { skip } = event;
    if (skip === undefined || skip === false) of(event).passed += 1;
    else of(event).skipped.push(`${event.name}${typeof skip === 'string' ? ` (${skip})` : ''}`);
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite' || suiteItself(event.details.error)) of(event).failed += 1;
  });
  const report = stream.compose(new spec());
  report.pipe(output, { end: false });
  await new Promise((done, fail) => {
    report.once('end', done);
    report.once('error', fail);
  });
  return tallies;
}

/** Whether a suite failed by itself, as in its hooks, and not by a test in it, which is counted. */
const suiteItself = (error: Error): boolean =>
  !('failureType' in error) || error.failureType !== 'subtestsFailed';
