/** The Kafka, registry and Redis that `npm start` uses: the environment's, those of `npm run stack`, or its own. */
import { connectKafka, kafkaOptionsOf } from '@millrace/kafka';
import { loadConfig } from '@millrace/service';
import type { Installation } from '../installation.ts';
import { type EmbeddedStack, type StackAddresses, startEmbeddedStack } from '../stack/embedded-stack.ts';
import { externalAddresses } from '../stack/external-addresses.ts';
import { assertStackPortsFree } from '../stack/ports.ts';
import {
  readStackFile,
  removeStackFile,
  stackDirectoryOf,
  stopStack,
  writeStackFile,
} from '../stack/stack-file.ts';
import { UserError } from '../stack/user-error.ts';

export interface StackForStart {
  readonly addresses: StackAddresses;
  /** Replicas that topics can have on it. */
  readonly replicationFactor: number;
  /** Whose it is, for the person who reads. */
  readonly owner: 'yours' | 'npm run stack' | 'started';
  /** Resolves when one of its servers ends; never for servers that are not ours. */
  readonly died: Promise<UserError>;
  /** Stops what was started, nothing else. */
  stop(): Promise<void>;
}

const never = new Promise<never>(() => undefined);
const nothing = async (): Promise<void> => undefined;
const mostReplicas = 3;

/** Throws UserError for a port in use, a program that is missing, servers that do not answer. */
export async function stackForStart(
  installation: Installation,
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<StackForStart> {
  const { directory, libDirectory, ports } = installation;
  const external = externalAddresses(process.env);
  if (external) {
    const replicationFactor = Math.min(mostReplicas, await brokersOf(external));
    return { addresses: external, replicationFactor, owner: 'yours', died: never, stop: nothing };
  }
  const running = readStackFile(directory);
  if (running?.startedBy === 'npm run stack' && running.servers.length === 3)
    return {
      addresses: running.addresses,
      replicationFactor: 1,
      owner: 'npm run stack',
      died: never,
      stop: nothing,
    };
  // Servers of an `npm start` that was killed.
  if (running) await stopStack(directory, running);
  if (ports) await assertStackPortsFree(ports.stack);
  const stack = await startEmbeddedStack({
    directory: stackDirectoryOf(directory),
    libDirectory,
    ...(ports ? { ports: ports.stack } : {}),
    progress,
    signal,
  });
  writeStackFile(directory, 'npm start', stack);
  return {
    addresses: stack.addresses,
    replicationFactor: 1,
    owner: 'started',
    died: firstDeath(stack),
    async stop() {
      await stack.stop();
      removeStackFile(directory);
    },
  };
}

async function brokersOf(addresses: StackAddresses): Promise<number> {
  if (!URL.canParse(addresses.REDIS_URL))
    throw new UserError('ERR_REDIS_URL', 'REDIS_URL is not a URL: it must look like redis://host:6379.');
  // No file: the settings for SASL and TLS are in the environment, too.
  const config = loadConfig({ env: { ...process.env, MILLRACE_CONFIG: undefined } });
  const kafka = await connectKafka(kafkaOptionsOf(config, 'start'));
  try {
    return (await kafka.clusterFacts()).brokers.length;
  } finally {
    await kafka.stop();
  }
}

function firstDeath({ children }: EmbeddedStack): Promise<UserError> {
  return Promise.race(children.map((child) => child.ended.then(() => child.obituary())));
}
