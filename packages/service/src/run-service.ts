/** The life of a service process, from its configuration to its graceful end: the whole of a `main.ts`. */
import { parseArgs } from 'node:util';
import type { Config } from './config-schema.ts';
import { type HealthServer, type Readiness, startHealthServer } from './health-server.ts';
import { loadConfig } from './load-config.ts';
import { createLogger, type Logger } from './logger.ts';
import { connectRedis, type RedisConnection } from './redis-connection.ts';
import { explainStart, waitsFor } from './start-failure.ts';
import { startTelemetry, type Telemetry } from './telemetry.ts';

/** How long a graceful stop may take, ms; then the process ends as it is. */
const stopLimitMs = 20_000;
const longestRetryMs = 5_000;

export interface ServiceContext {
  readonly config: Config;
  readonly logger: Logger;
  /** The connection of this process, made when first asked for; closed after the service has stopped. */
  redis(): RedisConnection;
  /** Arguments after `--config FILE`. */
  readonly args: readonly string[];
  /** `http://host:port` of /metrics, /healthz and /readyz. */
  readonly healthUrl: string;
  /** Aborts when the process is told to stop, also while it starts. */
  readonly signal: AbortSignal;
}

export interface RunningService {
  ready(): boolean | Promise<boolean>;
  /** Finishes what is under way. */
  stop(): Promise<void>;
}

export interface ServiceDefinition {
  /** `router`; also the name in logs, metrics and traces. */
  readonly name: string;
  /** Attributes of the process's telemetry, out of its arguments. */
  readonly attributes?: (args: readonly string[]) => Readonly<Record<string, string>>;
  /** Errors with a code `ERR_...` end the process with their message; what comes back by itself (Kafka, the registry) is waited for. */
  start(context: ServiceContext): Promise<RunningService>;
}

interface Parts {
  config?: Config;
  telemetry?: Telemetry;
  health?: HealthServer;
  redis?: RedisConnection;
  service?: RunningService;
}

/**
 * Runs the service until SIGTERM or SIGINT; sets the exit code. `--config FILE` is taken from the arguments. A second signal ends
 * the process at once.
 */
export const runService = async (definition: ServiceDefinition): Promise<void> => {
  const parts: Parts = {};
  const stopping = new AbortController();
  const { file, args } = argumentsOf(process.argv.slice(2));
  try {
    const config = loadConfig({ file, env: process.env });
    parts.config = config;
    const logger = createLogger({ service: definition.name, level: config.telemetry.log_level });
    const untrap = trapSignals(stopping, logger);
    supervise(logger);
    try {
      await run(definition, parts, { config, logger, args, stopping });
    } finally {
      untrap();
    }
  } catch (error) {
    const sentence = explainStart(error, parts.config);
    process.stderr.write(`millrace ${definition.name}: ${sentence ?? describe(error)}\n`);
    process.exitCode = 1;
    await stopParts(parts).catch(() => undefined);
  }
  // Whatever still holds the event loop open has been told to stop.
  process.exit();
};

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

const argumentsOf = (argv: readonly string[]): { file: string | undefined; args: readonly string[] } => {
  const at = argv.findIndex((argument) => argument === '--config' || argument.startsWith('--config='));
  if (at === -1) return { file: undefined, args: argv };
  const length = argv[at] === '--config' ? 2 : 1;
  const { values } = parseArgs({
    args: argv.slice(at, at + length),
    options: { config: { type: 'string' } },
  });
  return { file: values.config, args: argv.toSpliced(at, length) };
};

const trapSignals = (stopping: AbortController, logger: Logger): (() => void) => {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      logger.warn({ signal }, 'Told to stop again: ending at once');
      process.exit(1);
    }
    logger.info({ signal }, 'Stopping: finishing what is under way');
    stopping.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return () => process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
};

/** What nobody awaited is a bug whose state is unknown: the process ends, and whoever watches it starts another. */
const supervise = (logger: Logger): void => {
  const end = (err: unknown): void => {
    logger.fatal({ err }, 'An error that nothing handled: ending');
    process.exit(1);
  };
  process.on('uncaughtException', end).on('unhandledRejection', end);
};

interface Run {
  readonly config: Config;
  readonly logger: Logger;
  readonly args: readonly string[];
  readonly stopping: AbortController;
}

const run = async (definition: ServiceDefinition, parts: Parts, { config, logger, args, stopping }: Run) => {
  const telemetry = startTelemetry({
    service: definition.name,
    config,
    ...(definition.attributes === undefined ? {} : { attributes: definition.attributes(args) }),
  });
  parts.telemetry = telemetry;
  let waitingFor = 'starting';
  const readiness = async (): Promise<Readiness> => {
    if (stopping.signal.aborted) return { ready: false, status: 'stopping' };
    if (parts.service === undefined) return { ready: false, status: waitingFor };
    const ready = await parts.service.ready();
    return { ready, status: ready ? 'ready' : 'not ready' };
  };
  const health = await startHealthServer({
    ...config.telemetry.http,
    readiness,
    serveMetrics: telemetry.serveMetrics,
    file: process.env.MILLRACE_HEALTH_FILE,
  });
  parts.health = health;

  const context: ServiceContext = {
    config,
    logger,
    args,
    healthUrl: health.url,
    signal: stopping.signal,
    redis: () => {
      parts.redis ??= connectRedis(config, logger);
      return parts.redis;
    },
  };
  for (let waitMs = 250; !stopping.signal.aborted; waitMs = Math.min(longestRetryMs, waitMs * 2)) {
    try {
      parts.service = await definition.start(context);
      break;
    } catch (err) {
      const awaited = waitsFor(err);
      if (awaited === undefined) throw err;
      waitingFor = awaited;
      logger.warn({ retry_in_ms: waitMs }, `Not started yet. ${awaited}`);
      await pause(waitMs, stopping.signal);
    }
  }
  if (parts.service !== undefined) logger.info({ health: health.url }, `millrace ${definition.name} runs`);
  await aborted(stopping.signal);
  await stopWithinLimit(parts, logger);
};

const stopWithinLimit = async (parts: Parts, logger: Logger): Promise<void> => {
  const limit = setTimeout(() => {
    logger.error({ limit_ms: stopLimitMs }, 'Stopping took too long: ending as it is');
    process.exit(1);
  }, stopLimitMs);
  await stopParts(parts);
  clearTimeout(limit);
  logger.info({}, 'Stopped');
};

const stopParts = async ({ service, redis, health, telemetry }: Parts): Promise<void> => {
  await service?.stop();
  await redis?.stop();
  await health?.stop();
  await telemetry?.stop();
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
