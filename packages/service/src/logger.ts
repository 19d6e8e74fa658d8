/** JSON lines on stdout, one per event, with the ids of the active span. */
import { context, trace } from '@opentelemetry/api';
import { type LevelWithSilent, pino } from 'pino';

/** Fields first, then the sentence. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
  child(fields: object): Logger;
}

export interface LoggerOptions {
  /** Name of the service: `router`. */
  readonly service: string;
  readonly level: LevelWithSilent;
  /** Default: stdout. */
  readonly destination?: { write(line: string): void };
}

const secretNames = [
  'password',
  'secret',
  'authorization',
  'api_key',
  'apiKey',
  'secret_access_key',
  'sha256',
];
/** ioredis puts the whole command, AUTH's password included, on its errors. */
const secretPaths = ['err.command', 'error.command', 'command.args'];

const withDepth = (name: string): string[] => [name, `*.${name}`, `*.*.${name}`];

/** A logger that fits every `KafkaLogger`. Values under names such as `password` are replaced by `[hidden]`. */
export const createLogger = ({ service, level, destination }: LoggerOptions): Logger => {
  const options = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: [...secretNames.flatMap(withDepth), ...secretPaths], censor: '[hidden]' },
    serializers: { err: pino.stdSerializers.errWithCause, error: errorOrText },
    mixin: () => {
      const span = trace.getSpanContext(context.active());
      return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
};

const errorOrText = (value: unknown): unknown =>
  value instanceof Error ? pino.stdSerializers.errWithCause(value) : value;
