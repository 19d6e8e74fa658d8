/** What a benchmark runs on: a stack and a pipeline of its own, in a temporary directory, delivering to a bare sink. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { localSources } from '../../infra/pipeline/addresses.ts';
import { localDomain } from '../../infra/pipeline/local-configuration.ts';
import { type Pipeline, startPipeline } from '../../infra/pipeline/pipeline.ts';
import { type EmbeddedStack, startEmbeddedStack } from '../../infra/stack/embedded-stack.ts';
import { WebhookReceiver } from '../rig/webhook-receiver.ts';
import type { Watched } from './process-figures.ts';
import { Sink } from './sink.ts';
import { benchTypes } from './webhook-study.ts';

export interface BedOptions {
  /** Messages that a lane of the batch stream sends a second. Default: no limit. */
  readonly batchRate?: number;
  /** Delivery processes of the batch stream. Default 1. */
  readonly batchWorkers?: number;
  /** A shaping file, in place of limits far above what the machine reaches. */
  readonly shaping?: object;
  /** Of every topic. Default 4. */
  readonly partitions?: number;
  /** Whether all of a stream leaves from one address, so that a provider is one lane. Default false. */
  readonly oneSource?: boolean;
  /** Whether events are posted to a receiver that refuses a third of the requests. Default false. */
  readonly webhooks?: boolean;
  /** Whether the shaper acts on answers, and not only tells. Default false. */
  readonly shaperActs?: boolean;
  readonly progress: (line: string) => void;
}

export interface Bed {
  readonly pipeline: Pipeline;
  readonly sink: Sink;
  /** Port of the sink on each of its addresses. */
  readonly sinkPort: number;
  /** Where events are posted to, when that was asked for. */
  readonly webhooks: WebhookReceiver | undefined;
  /** Broker, registry, Redis and every service but the sandbox. */
  readonly processes: () => readonly Watched[];
  /** Bytes in Kafka's logs. */
  readonly kafkaBytes: () => number;
  stop(): Promise<void>;
}

/**
 * Limits far above what the machine reaches, so that it is the machine that is measured. Five connections a lane, as the
 * large providers take them.
 */
const shapingOf = (batchRate: number | undefined) => ({
  default: {
    connection_limit: 5,
    max_deliveries_per_connection: 1_000,
    idle_timeout: '30s',
    tls: 'disabled',
    ...(batchRate === undefined ? {} : { streams: { batch: { max_message_rate: `${batchRate}/s` } } }),
  },
});

/** The sink answers as fast as it can, in the clear, without limits. */
const sinkBehaviour = { tls: 'none', connection_limit: 0, mails_per_connection: 0 };
const sinkIsps = ['gmail', 'yahoo', 'outlook', 'apple', 'comcast', 'tail'];

/** Starts it. Throws a UserError when something does not start; what was started is stopped. */
export async function makeBed(options: BedOptions): Promise<Bed> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  let stack: EmbeddedStack | undefined;
  let pipeline: Pipeline | undefined;
  let webhooks: WebhookReceiver | undefined;
  const stop = async (): Promise<void> => {
    await pipeline?.stop();
    await stack?.stop();
    webhooks?.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    options.progress('starting Kafka, registry and Redis');
    const stackDirectory = join(directory, 'stack');
    const started = await startEmbeddedStack({
      directory: stackDirectory,
      libDirectory: resolve(import.meta.dirname, '../../.millrace/lib'),
      progress: options.progress,
    });
    stack = started;
    const shapingFile = join(directory, 'shaping.yaml');
    writeFileSync(shapingFile, stringify(options.shaping ?? shapingOf(options.batchRate)));
    const behaviourFile = join(directory, 'sink.yaml');
    writeFileSync(behaviourFile, stringify(Object.fromEntries(sinkIsps.map((isp) => [isp, sinkBehaviour]))));
    if (options.webhooks) webhooks = await WebhookReceiver.listen(aThirdFails);
    const running = await startPipeline({
      directory: join(directory, 'pipeline'),
      addresses: started.addresses,
      shapingFile,
      workers: { batch: options.batchWorkers ?? 1 },
      overrides: {
        dkim: [
          {
            domain: localDomain,
            keys: [
              {
                selector: 'rsa',
                algorithm: 'rsa-sha256',
                key_file: join(directory, 'pipeline', 'keys', 'dkim-rsa.pem'),
              },
            ],
          },
        ],
        sandbox: { behaviour_file: behaviourFile, keep: 'none', verify: 'off', keep_arrivals: 1_000_000 },
        telemetry: { log_level: 'warn' },
        shaper: { act: options.shaperActs ?? false },
        ...(webhooks === undefined
          ? {}
          : { tenants: { local: { webhooks: { bench: endpointOf(webhooks) } } } }),
        ...(options.partitions === undefined ? {} : { kafka: { partitions: options.partitions } }),
        ...(options.oneSource
          ? {
              pools: {
                batch: { stream: 'batch', sources: [{ source: localSources.batch[0].name, weight: 1 }] },
              },
            }
          : {}),
      },
      progress: options.progress,
    });
    pipeline = running;
    void running.died.then((error) => options.progress(`A service died: ${error.message}`));
    const { smtp_port: sinkPort }: { smtp_port: number } = JSON.parse(
      await (await fetch(`${running.endpoints.sandbox.http}/about`)).text(),
    );
    return {
      pipeline: running,
      sink: new Sink(running.endpoints.sandbox.http),
      sinkPort,
      webhooks,
      processes: () => [
        ...started.children.map(({ name, pid }) => ({ name: shortName(name), pid })),
        ...[...running.services.values()]
          .filter((service) => service.running && service.name !== 'sandbox')
          .map(({ name, pid }) => ({ name, pid })),
      ],
      kafkaBytes: () => logBytes(join(stackDirectory, 'kafka', 'data')),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** With at most two rounds of refusals no event waits longer than the first delay tier. */
const aThirdFails = { seed: 20_261_125, refusedShare: 1 / 3, mostRefusals: 5 };

const endpointOf = ({ url, secret }: WebhookReceiver) => ({
  url,
  secrets: [secret],
  events: [...benchTypes],
});

const shortName = (name: string): string =>
  name === 'Kafka' ? 'broker' : name === 'The schema registry' ? 'registry' : name.toLowerCase();

/** What was written to the partitions of all topics, the broker's own included. */
function logBytes(dataDirectory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dataDirectory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.log'))
      bytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}
