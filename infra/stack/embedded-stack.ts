/** Kafka, the schema registry and Redis as child processes of this one. */
import { join } from 'node:path';
import { resolveArtifacts } from './artifacts.ts';
import type { Child } from './child.ts';
import { startKafka } from './kafka.ts';
import { freePorts } from './ports.ts';
import { startRedis } from './redis.ts';
import { registryUrl, startRegistry } from './registry.ts';

export interface StackPorts {
  readonly kafka: number;
  readonly kafkaController: number;
  readonly registry: number;
  readonly redis: number;
}

export interface StackOptions {
  /** Data and logs of the three servers. */
  readonly directory: string;
  /** Where the downloaded programs are kept. */
  readonly libDirectory: string;
  /** Default: ports that are free now. */
  readonly ports?: StackPorts;
  /** Kafka's Java heap, MB. Default 1024. */
  readonly kafkaHeapMb?: number;
  /** The servers outlive this process. Default false. */
  readonly detached?: boolean;
  /** Ends the start: what was started is stopped, then the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  readonly progress?: (line: string) => void;
}

/** Where services find the stack; the names of the environment variables that they read. */
export interface StackAddresses {
  readonly KAFKA_BROKERS: string;
  readonly SCHEMA_REGISTRY_URL: string;
  readonly REDIS_URL: string;
}

export interface EmbeddedStack {
  readonly addresses: StackAddresses;
  readonly children: readonly Child[];
  stop(): Promise<void>;
}

/** Starts all three at once. When one fails, the others are stopped before the error is thrown. */
export async function startEmbeddedStack(options: StackOptions): Promise<EmbeddedStack> {
  const progress = options.progress ?? (() => undefined);
  const artifacts = await resolveArtifacts(options.libDirectory, progress, options.signal);
  const ports = options.ports ?? (await randomPorts());
  const { detached = false, signal } = options;
  const starts = await Promise.allSettled([
    startKafka(artifacts, {
      directory: join(options.directory, 'kafka'),
      port: ports.kafka,
      controllerPort: ports.kafkaController,
      heapMb: options.kafkaHeapMb ?? 1024,
      detached,
      signal,
    }),
    startRegistry(artifacts, {
      directory: join(options.directory, 'registry'),
      port: ports.registry,
      detached,
      signal,
    }),
    startRedis(artifacts, {
      directory: join(options.directory, 'redis'),
      port: ports.redis,
      detached,
      signal,
    }),
  ]);
  const children = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop()));
  };
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { addresses: addressesOf(ports), children, stop };
}

export function addressesOf(ports: StackPorts): StackAddresses {
  return {
    KAFKA_BROKERS: `127.0.0.1:${ports.kafka}`,
    SCHEMA_REGISTRY_URL: registryUrl(ports.registry),
    REDIS_URL: `redis://127.0.0.1:${ports.redis}`,
  };
}

async function randomPorts(): Promise<StackPorts> {
  const [kafka = 0, kafkaController = 0, registry = 0, redis = 0] = await freePorts(4);
  return { kafka, kafkaController, registry, redis };
}
