/** What every process needs: configuration, logging, telemetry, health, graceful stop, Redis. */
export { ConfigError, type ConfigProblem } from './config-error.ts';
export type { Config, PoolConfig, SourceConfig, TenantConfig } from './config-schema.ts';
export type { Environment } from './environment.ts';
export { giveWay } from './give-way.ts';
export { type LoadConfigOptions, loadConfig } from './load-config.ts';
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export { didYouMean, nearestWord } from './nearest-word.ts';
export { connectRedis, type RedisConnection, type RedisSettings } from './redis-connection.ts';
export {
  type RunningService,
  runService,
  type ServiceContext,
  type ServiceDefinition,
} from './run-service.ts';
export { parseSettings } from './settings.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.ts';
export { type KeyPath, keyOf, parseYaml, type YamlFile } from './yaml-file.ts';
