/**
 * The embedded stack alone: `npm run stack -- up | down | status | reset`.
 * `up` leaves Kafka, the schema registry and Redis running; `npm start` then uses them. `reset` stops them and forgets
 * their data (the downloads stay). Exit codes: 0 done, or with `status` all three run; 1 otherwise; 2 wrong arguments.
 */
import { rmSync } from 'node:fs';
import { failWith } from './fail-with.ts';
import { type Installation, installationOf } from './installation.ts';
import { type StackAddresses, startEmbeddedStack } from './stack/embedded-stack.ts';
import { externalAddresses } from './stack/external-addresses.ts';
import { answersApiVersions } from './stack/kafka.ts';
import { assertStackPortsFree } from './stack/ports.ts';
import { redisAnswers } from './stack/redis.ts';
import { registryAnswers } from './stack/registry.ts';
import { readStackFile, stackDirectoryOf, stopStack, writeStackFile } from './stack/stack-file.ts';
import { UserError } from './stack/user-error.ts';
import { assertNotRunning } from './start/start-lock.ts';

const commands = { up, down, status, reset };
const isCommand = (word: string | undefined): word is keyof typeof commands =>
  word !== undefined && Object.hasOwn(commands, word);

async function up(installation: Installation): Promise<void> {
  const { directory, libDirectory, ports } = installation;
  const external = externalAddresses(process.env);
  if (external)
    throw new UserError(
      'ERR_EXTERNAL_STACK',
      `KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL name servers of your own (${external.KAFKA_BROKERS} ...): unset them to use the embedded stack.`,
    );
  const running = readStackFile(directory);
  if (running?.startedBy === 'npm start') assertNotRunning(directory);
  if (running && running.startedBy === 'npm run stack' && running.servers.length === 3) {
    show(running.addresses);
    return;
  }
  // What a crash left over.
  if (running) await stopStack(directory, running);
  if (ports) await assertStackPortsFree(ports.stack);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new UserError('ERR_INTERRUPTED', 'interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, interrupt);
  const stack = await startEmbeddedStack({
    directory: stackDirectoryOf(directory),
    libDirectory,
    ...(ports ? { ports: ports.stack } : {}),
    detached: true,
    progress: (line) => console.log(line),
    signal: interrupted.signal,
  });
  writeStackFile(directory, 'npm run stack', stack);
  show(stack.addresses);
}

function show(addresses: StackAddresses): void {
  console.log('The stack is up. For other programs:');
  for (const [name, value] of Object.entries(addresses)) console.log(`  export ${name}=${value}`);
}

async function down({ directory }: Installation): Promise<void> {
  assertNotRunning(directory);
  const running = readStackFile(directory);
  if (running) await stopStack(directory, running);
  console.log(running ? 'The stack is down; its data are kept.' : 'The stack is not running.');
}

async function reset(installation: Installation): Promise<void> {
  const { directory } = installation;
  assertNotRunning(directory);
  const running = readStackFile(directory);
  if (running) await stopStack(directory, running);
  rmSync(stackDirectoryOf(directory), { recursive: true, force: true });
  console.log('The data of the stack are forgotten.');
}

async function status({ directory }: Installation): Promise<void> {
  const external = externalAddresses(process.env);
  if (external) {
    console.log('Servers of your own, from the environment (npx millrace doctor asks them):');
    for (const [name, value] of Object.entries(external)) console.log(`  ${name}=${value}`);
    return;
  }
  const running = readStackFile(directory);
  if (!running) {
    console.log('The stack is not running: npm run stack -- up');
    process.exitCode = 1;
    return;
  }
  console.log(`started by ${running.startedBy}`);
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, REDIS_URL } = running.addresses;
  const servers = [
    ['Kafka', KAFKA_BROKERS, answersApiVersions(portOf(KAFKA_BROKERS))],
    ['registry', SCHEMA_REGISTRY_URL, registryAnswers(SCHEMA_REGISTRY_URL)],
    ['Redis', REDIS_URL, redisAnswers(portOf(REDIS_URL))],
  ] as const;
  for (const [name, address, asked] of servers) {
    const answers = await asked;
    console.log(`  ${name.padEnd(9)} ${answers ? 'up      ' : 'no reply'}  ${address}`);
    if (!answers) process.exitCode = 1;
  }
  console.log(`  data and logs in ${stackDirectoryOf(directory)}`);
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

async function main(argv: readonly string[]): Promise<void> {
  const [command, ...rest] = argv;
  if (!isCommand(command) || rest.length > 0)
    throw new UserError('ERR_USAGE', 'usage: npm run stack -- up | down | status | reset');
  await commands[command](installationOf(process.env));
}

await main(process.argv.slice(2)).catch(failWith);
