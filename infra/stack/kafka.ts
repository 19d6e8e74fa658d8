/** One Kafka broker in KRaft mode: formats its directory once, then runs it. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Artifacts } from './artifacts.ts';
import { type Child, startChild } from './child.ts';

const run = promisify(execFile);

export interface KafkaOptions {
  readonly directory: string;
  readonly port: number;
  readonly controllerPort: number;
  /** Java heap, MB. */
  readonly heapMb: number;
  readonly detached: boolean;
  /** Ends the start. */
  readonly signal?: AbortSignal | undefined;
  /** Broker properties besides ours, or in place of them. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Starts the broker; resolves when it answers. */
export async function startKafka(artifacts: Artifacts, options: KafkaOptions): Promise<Child> {
  const data = join(options.directory, 'data');
  const properties = join(options.directory, 'server.properties');
  mkdirSync(options.directory, { recursive: true });
  writeFileSync(properties, serverProperties(options, data));
  const log4j = join(options.directory, 'log4j2.properties');
  writeFileSync(log4j, loggingProperties);
  const jvm = [`-Dlog4j2.configurationFile=${log4j}`, '-cp', artifacts.kafkaClassPath];
  if (!existsSync(join(data, 'meta.properties'))) {
    await run(
      artifacts.java,
      [...jvm, 'kafka.tools.StorageTool', 'format', '-t', 'bWlsbHJhY2UtZW1iZWRkZQ', '-c', properties],
      { signal: options.signal },
    );
  }
  const child = startChild({
    name: 'Kafka',
    command: artifacts.java,
    args: [
      `-Xms256m`,
      `-Xmx${options.heapMb}m`,
      // The optimising compiler would use more of a small machine than a broker of its size does, and so would G1.
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...jvm,
      'kafka.Kafka',
      properties,
    ],
    logFile: join(options.directory, 'kafka.log'),
    detached: options.detached,
    signal: options.signal,
    stopTimeoutMs: 20_000,
  });
  await child.untilReady(() => answersApiVersions(options.port), 60_000);
  return child;
}

/** True when the broker answers an ApiVersions request (KIP-35, version 0), not merely accepts a connection. */
export function answersApiVersions(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(2_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('data', () => finish(true));
    const request = Buffer.alloc(14);
    request.writeInt32BE(10, 0); // size
    request.writeInt16BE(18, 4); // ApiVersions
    request.writeInt16BE(0, 6);
    request.writeInt32BE(1, 8); // correlation id
    request.writeInt16BE(-1, 12); // no client id
    socket.once('connect', () => socket.write(request));
  });
}

function serverProperties(options: KafkaOptions, data: string): string {
  return `${Object.entries({
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${options.controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${options.port},CONTROLLER://127.0.0.1:${options.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${options.port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    'message.max.bytes': '2097152',
    // Each request is handed from a network thread to a handler and back: with one of each fewer threads are woken.
    'num.io.threads': '1',
    'num.network.threads': '1',
    'num.recovery.threads.per.data.dir': '2',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'log.segment.bytes': '268435456',
    ...options.properties,
  })
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}

const loggingProperties = `status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
`;
