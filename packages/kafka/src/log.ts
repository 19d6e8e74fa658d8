/** Where this package logs to: a pino logger fits. */

/** Fields first, then the sentence, as pino does. */
export interface KafkaLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
