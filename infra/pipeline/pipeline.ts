/**
 * The whole pipeline as child processes of this one, delivering to the sandbox ISPs: what `npm start`, the tests across
 * services and the benchmarks run.
 *
 *   const pipeline = await startPipeline({ directory, addresses, topicPrefix: 'test-1.', ports: 'free' });
 *   await fetch(`${pipeline.endpoints.ingest.http}/v1/messages`, { ...bearer(pipeline.endpoints.apiKey) });
 *   await pipeline.service('delivery-batch').kill();   // as a crash
 *   await pipeline.service('delivery-batch').start();
 *   await pipeline.stop();
 */
import { type Stream, streams } from '@millrace/core';
import type { StackAddresses } from '../stack/embedded-stack.ts';
import type { UserError } from '../stack/user-error.ts';
import { freePipelinePorts, metricsOrder, type PipelinePorts } from './addresses.ts';
import type { Endpoints } from './endpoints.ts';
import { type ConfigurationPart, writeLocalConfiguration } from './local-configuration.ts';
import { ServiceProcess } from './service-process.ts';
import { setUp } from './set-up.ts';

export interface PipelineOptions {
  /** Absolute. Configuration, keys, state and logs are in it; what is there is used again. */
  readonly directory: string;
  readonly addresses: StackAddresses;
  /** Put before topics, groups and Redis keys. Default ''. */
  readonly topicPrefix?: string;
  /** Replicas of topics that are created. Default 1. */
  readonly replicationFactor?: number;
  /** Default `free`: ports that are free now. */
  readonly ports?: PipelinePorts | 'free';
  /** Delivery processes of each stream. Default 1. */
  readonly workers?: { readonly realtime?: number; readonly batch?: number };
  /** Configuration keys that win over the local ones. Lists replace lists. */
  readonly overrides?: ConfigurationPart;
  /** Limits per ISP. Default: the shipped ones. */
  readonly shapingFile?: string;
  /** More environment variables for every service. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the start: what was started is stopped, then the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** Told what is being started. */
  readonly progress?: (line: string) => void;
}

export interface Pipeline {
  readonly endpoints: Endpoints;
  /** `millrace.yaml`, which MILLRACE_CONFIG may name. */
  readonly configurationFile: string;
  /** By name: `sandbox`, `ingest`, `router-realtime`, `router-batch`, `scheduler`, `shaper`, `delivery-realtime`, `delivery-batch`, `delivery-batch-2` ... */
  readonly services: ReadonlyMap<string, ServiceProcess>;
  /** The service of that name; throws when there is none. */
  service(name: string): ServiceProcess;
  /** One more delivery process; resolves when it is ready. */
  addWorker(stream: Stream): Promise<ServiceProcess>;
  /** Resolves when a service ends without having been asked to. */
  readonly died: Promise<UserError>;
  /** Stops every service, senders first. What is in Kafka stays there. */
  stop(): Promise<void>;
}

/** Creates topics, registers schemas, starts every service; resolves when all of them are ready. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const progress = options.progress ?? (() => undefined);
  const ports =
    options.ports === undefined || options.ports === 'free' ? await freePipelinePorts() : options.ports;
  const { file, credentials } = await writeLocalConfiguration({
    directory: options.directory,
    addresses: options.addresses,
    ports,
    ...(options.topicPrefix === undefined ? {} : { topicPrefix: options.topicPrefix }),
    ...(options.replicationFactor === undefined ? {} : { replicationFactor: options.replicationFactor }),
    overrides: withShaping(options),
  });
  const died = Promise.withResolvers<UserError>();
  const services = new Map<string, ServiceProcess>();
  const env = environmentOf(options, file);

  const add = (name: string, service: string, args: readonly string[] = []): ServiceProcess => {
    const index = metricsOrder.indexOf(name);
    const made = new ServiceProcess({
      name,
      service,
      args,
      env,
      directory: options.directory,
      healthPort: ports.metrics === 0 || index === -1 ? 0 : ports.metrics + index,
      signal: options.signal,
      onDeath: died.resolve,
    });
    services.set(name, made);
    return made;
  };
  const addDelivery = (stream: Stream, number: number): ServiceProcess =>
    add(`delivery-${stream}${number === 1 ? '' : `-${number}`}`, 'delivery', ['--stream', stream]);
  const workersOf = (stream: Stream): ServiceProcess[] =>
    Array.from({ length: options.workers?.[stream] ?? 1 }, (_, index) => addDelivery(stream, index + 1));

  const sandbox = add('sandbox', 'sandbox');
  const senders = [
    add('ingest', 'ingest'),
    ...streams.map((stream) => add(`router-${stream}`, 'router', ['--stream', stream])),
    add('scheduler', 'scheduler'),
    add('shaper', 'shaper'),
    add('feedback', 'feedback'),
    add('webhooks', 'webhooks'),
    ...workersOf('realtime'),
    ...workersOf('batch'),
  ];
  const stop = async (): Promise<void> => {
    const others = [...services.values()].filter((service) => service !== sandbox);
    await Promise.all(others.map((service) => service.stop()));
    await sandbox.stop();
  };

  try {
    progress('creating topics and registering schemas');
    // The sandbox needs neither; its test authority must be there before the workers read it.
    await Promise.all([sandbox.start(), setUp({ configurationFile: file, env: { ...process.env, ...env } })]);
    options.signal?.throwIfAborted();
    progress('starting the services');
    await Promise.all(senders.map((service) => service.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoints: {
      ingest: {
        http: `http://127.0.0.1:${ports.ingestHttp}`,
        smtp: `127.0.0.1:${ports.ingestSmtp}`,
      },
      apiKey: credentials.apiKey.key,
      feedback: {
        http: `http://127.0.0.1:${ports.feedbackHttp}`,
        smtp: `127.0.0.1:${ports.feedbackSmtp}`,
      },
      sandbox: { http: `http://127.0.0.1:${ports.sandboxHttp}` },
      kafka: options.addresses.KAFKA_BROKERS,
      registry: options.addresses.SCHEMA_REGISTRY_URL,
      redis: options.addresses.REDIS_URL,
    },
    configurationFile: file,
    services,
    service(name) {
      const found = services.get(name);
      if (!found) throw new TypeError(`No service ${name}: there are ${[...services.keys()].join(', ')}`);
      return found;
    },
    async addWorker(stream) {
      const number = [...services.keys()].filter((name) => name.startsWith(`delivery-${stream}`)).length + 1;
      const worker = addDelivery(stream, number);
      await worker.start();
      return worker;
    },
    died: died.promise,
    stop,
  };
}

/** What every service is told by its environment; the rest of it is this process's own. */
function environmentOf(options: PipelineOptions, configurationFile: string): Record<string, string> {
  return {
    MILLRACE_CONFIG: configurationFile,
    MILLRACE_HTTP_HOST: '127.0.0.1',
    ...options.addresses,
    // An empty prefix leaves the one that the environment may set for a cluster shared with others.
    ...(options.topicPrefix === undefined ? {} : { MILLRACE_TOPIC_PREFIX: options.topicPrefix }),
    ...options.env,
  };
}

function withShaping(options: PipelineOptions): ConfigurationPart {
  const overrides = options.overrides ?? {};
  if (options.shapingFile === undefined) return overrides;
  return { ...overrides, delivery: { ...overrides.delivery, shaping_file: options.shapingFile } };
}
