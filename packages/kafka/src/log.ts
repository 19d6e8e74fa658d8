/** Where this package logs to, and how kafkajs's own log is turned down to what an operator can use. */
import { type logCreator, logLevel } from 'kafkajs';

/** Fields first, then the sentence: a pino logger fits. */
export interface KafkaLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const quiet = (): undefined => undefined;
/** Logs nowhere. */
export const silentLogger: KafkaLogger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/**
 * kafkajs logs as errors what it then mends by itself: a coordinator that is still loading after a broker's start, a
 * rebalance, a connection that it opens again. This package tells its callers what remains broken.
 */
const mendedByItself =
  /coordinator is (loading|not available)|load in progress|rebalanc|re-join|not aware of this member|Connection (error|timeout|closed)|Closed connection|Failed to connect|Response (Metadata|Fetch|Produce|Heartbeat|OffsetCommit|OffsetFetch|JoinGroup|SyncGroup|FindCoordinator|InitProducerId|GroupCoordinator|ListOffsets|CreateTopics|DescribeGroups|DeleteGroups|CreatePartitions)|Failed to send messages|Restarting the consumer|consumer has stopped|already exists|Limiting retries/i;

/** A kafkajs log creator that writes to `logger`. */
export const kafkajsLog =
  (logger: KafkaLogger): logCreator =>
  () =>
  ({ namespace, level, log }) => {
    const fields = { kafkajs: namespace, ...(log.error === undefined ? {} : { error: String(log.error) }) };
    if (level > logLevel.WARN || mendedByItself.test(log.message)) logger.debug(fields, log.message);
    else logger.warn(fields, log.message);
  };
