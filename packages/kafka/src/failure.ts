/** What a failed kafkajs call means: try again, try again with another producer id, or never. */

export interface Failure {
  /** `unavailable`: try again; `sequence`: the broker forgot this producer id; `refused`: it will not change its mind. */
  readonly kind: 'unavailable' | 'sequence' | 'refused';
  /** The innermost error. */
  readonly error: Error;
}

const sequenceLost = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'DUPLICATE_SEQUENCE_NUMBER',
  'PRODUCER_FENCED',
]);

function innermost(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.cause instanceof Error ? innermost(error.cause) : error;
}

/** Classifies an error of kafkajs by its protocol type. */
export function failureOf(thrown: unknown): Failure {
  const error = innermost(thrown);
  const type = 'type' in error && typeof error.type === 'string' ? error.type : undefined;
  if (type !== undefined && sequenceLost.has(type)) return { kind: 'sequence', error };
  // The brokers call an unknown topic retriable; kafkajs has retried for seconds by now.
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return { kind: 'refused', error };
  const retriable = 'retriable' in error ? error.retriable !== false : false;
  if (type !== undefined && !retriable) return { kind: 'refused', error };
  if (error.name === 'KafkaJSSASLAuthenticationError') return { kind: 'unavailable', error };
  return { kind: retriable || error.name.startsWith('KafkaJS') ? 'unavailable' : 'refused', error };
}
