/**
 * Prepares an installation in a directory: `node infra/setup.ts --directory DIR [--listen HOST]`.
 * Writes DIR/millrace.yaml with keys of its own (a file that is there stays as it is), creates the topics and registers
 * the schemas. Kafka, the registry and Redis are those of KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL.
 * Exit codes: 0 done, 1 something is not there or wrong, 2 wrong arguments.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { failWith } from './fail-with.ts';
import { defaultPortBase, pipelinePortsFrom } from './pipeline/addresses.ts';
import { configurationFileOf, writeLocalConfiguration } from './pipeline/local-configuration.ts';
import { setUp } from './pipeline/set-up.ts';
import { externalAddresses } from './stack/external-addresses.ts';
import { UserError } from './stack/user-error.ts';

const usage = 'usage: node infra/setup.ts --directory DIR [--listen HOST]';

interface Arguments {
  readonly directory: string;
  readonly listen: string;
}

function argumentsOf(argv: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { directory: { type: 'string' }, listen: { type: 'string', default: '127.0.0.1' } },
    });
    if (!values.directory) throw new Error('--directory is missing');
    return { directory: resolve(values.directory), listen: values.listen };
  } catch (error) {
    throw new UserError('ERR_USAGE', `${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

async function main(): Promise<void> {
  const { directory, listen } = argumentsOf(process.argv.slice(2));
  const addresses = externalAddresses(process.env);
  if (!addresses)
    throw new UserError(
      'ERR_NO_STACK',
      'Set KAFKA_BROKERS, SCHEMA_REGISTRY_URL and REDIS_URL to say where the installation is to be made.',
    );
  const file = configurationFileOf(directory);
  if (existsSync(file)) console.log(`${file} is there and stays as it is`);
  else {
    const { credentials } = await writeLocalConfiguration({
      directory,
      addresses,
      listen,
      ports: pipelinePortsFrom(defaultPortBase),
    });
    console.log(`${file} written`);
    console.log(`API key: ${credentials.apiKey.key}`);
  }
  await setUp({ configurationFile: file });
  console.log('topics and schemas are in place');
}

await main().catch(failWith);
