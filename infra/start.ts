/**
 * `npm start [-- --fresh]`: the whole of Millrace on this machine, delivering to the sandbox ISPs until Ctrl-C.
 * `--fresh` forgets the data of earlier starts. MILLRACE_PORT_BASE and MILLRACE_DIRECTORY say where (infra/installation.ts).
 * Exit codes: 0 stopped by Ctrl-C or a signal, 1 something failed (one sentence says what), 2 wrong arguments.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { failWith, sentenceOf } from './fail-with.ts';
import { type Installation, installationOf } from './installation.ts';
import { assertPipelinePortsFree } from './pipeline/addresses.ts';
import { removeEndpoints, writeEndpoints } from './pipeline/endpoints.ts';
import { type Pipeline, startPipeline } from './pipeline/pipeline.ts';
import { externalAddresses } from './stack/external-addresses.ts';
import { readStackFile, stopStack } from './stack/stack-file.ts';
import { UserError } from './stack/user-error.ts';
import { arrivalsTable } from './start/arrivals-table.ts';
import { demonstrate } from './start/demonstration.ts';
import { type StackForStart, stackForStart } from './start/stack-for-start.ts';
import { assertNotRunning, removeStartFile, stopLeftovers, writeStartFile } from './start/start-lock.ts';
import { welcome } from './start/welcome.ts';

const startedAt = performance.now();
const seconds = (): string => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
const say = (line: string): void => console.log(line);
const step = (line: string): void => say(`${styleText('dim', seconds().padStart(7))}  ${line}`);

function argumentsOf(args: readonly string[]): { readonly fresh: boolean } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { fresh: { type: 'boolean', default: false } },
    });
    return values;
  } catch (error) {
    throw new UserError(
      'ERR_USAGE',
      `${error instanceof Error ? error.message : error}\nusage: npm start [-- --fresh]`,
    );
  }
}

/** What an installation keeps; the downloads lie beside it. */
const data = ['stack', 'stack.json', 'state', 'blobs', 'keys', 'millrace.yaml', 'logs', 'run'];

/** Forgets the data of earlier starts. What a stack of somebody else holds is not ours to forget. */
async function forget({ directory }: Installation): Promise<void> {
  if (externalAddresses(process.env))
    throw new UserError(
      'ERR_FRESH_EXTERNAL',
      '--fresh forgets the data of the embedded stack, and KAFKA_BROKERS names servers of your own: delete their topics yourself, or choose another MILLRACE_TOPIC_PREFIX.',
    );
  const running = readStackFile(directory);
  if (running?.startedBy === 'npm run stack')
    throw new UserError(
      'ERR_FRESH_RUNNING',
      '--fresh cannot forget the data of a stack that runs: npm run stack -- reset does it.',
    );
  if (running) await stopStack(directory, running);
  for (const name of data) rmSync(join(directory, name), { recursive: true, force: true });
}

/** What runs, for whoever has to stop it. */
interface Started {
  stack?: StackForStart;
  pipeline?: Pipeline;
}

async function start(installation: Installation, started: Started, ending: AbortSignal): Promise<void> {
  const { directory, ports } = installation;
  const failed = new AbortController();
  const signal = AbortSignal.any([ending, failed.signal]);
  const fail = (error: UserError): void => failed.abort(error);
  if (ports) await assertPipelinePortsFree(ports.pipeline);
  step('Kafka, the schema registry and Redis');
  const stack = await stackForStart(installation, signal, step);
  started.stack = stack;
  void stack.died.then(fail);
  if (stack.owner !== 'started')
    step(`  those of ${stack.owner === 'yours' ? 'your environment' : stack.owner}`);
  const pipeline = await startPipeline({
    directory,
    addresses: stack.addresses,
    replicationFactor: stack.replicationFactor,
    ports: ports?.pipeline ?? 'free',
    progress: step,
    signal,
  });
  started.pipeline = pipeline;
  void pipeline.died.then(fail);
  writeStartFile(
    directory,
    [...pipeline.services.values()].map(({ name, pid }) => ({ name, pid })),
  );
  step('sending one password reset, and a campaign to 100 recipients');
  const demonstration = await demonstrate(pipeline.endpoints, signal);
  say('');
  for (const line of arrivalsTable(demonstration)) say(`  ${line}`.trimEnd());
  say('');
  for (const line of welcome(pipeline, directory)) say(`  ${line}`.trimEnd());
  say('');
  writeEndpoints(directory, pipeline.endpoints);
  say(`Ready after ${seconds()}. Ctrl-C stops everything and keeps the data.`);
  await aborted(signal);
  failed.signal.throwIfAborted();
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** In reverse order. */
async function stop(directory: string, { stack, pipeline }: Started): Promise<void> {
  removeEndpoints(directory);
  await pipeline?.stop();
  await stack?.stop();
  removeStartFile(directory);
}

async function main(): Promise<number> {
  const { fresh } = argumentsOf(process.argv.slice(2));
  const installation = installationOf(process.env);
  const { directory } = installation;
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => ending.abort());
  // The terminal is gone: there is nobody to write to, and everything still has to be stopped.
  process.stdout.on('error', () => ending.abort());

  assertNotRunning(directory);
  mkdirSync(directory, { recursive: true });
  removeEndpoints(directory);
  const left = await stopLeftovers(directory);
  if (left > 0) step(`stopped ${left} services that an earlier start had left behind`);
  if (fresh) await forget(installation);
  writeStartFile(directory, []);

  const started: Started = {};
  let failure: unknown;
  try {
    await start(installation, started, ending.signal);
  } catch (error) {
    // Ctrl-C is no failure, and what it interrupts fails in its own words.
    if (!ending.signal.aborted) failure = error;
  }
  if (failure) console.error(`\n${sentenceOf(failure)}`);
  else say('\nstopping');
  await stop(directory, started);
  if (failure && started.stack)
    console.error(
      'Everything that was started has been stopped, and the data are kept: npm start begins again.',
    );
  if (!failure) say('stopped; the data are kept');
  return failure ? 1 : 0;
}

process.exit(await main().catch(failWith));
