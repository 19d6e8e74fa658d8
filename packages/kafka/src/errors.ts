/** Errors of this package: one class per thing that a caller can tell apart, each with a stable `code`. */

/** What every error of this package is. `code` never changes. */
export class KafkaError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** No broker took the request in time. A record sent may or may not have been written: send it again. */
export class KafkaUnavailableError extends KafkaError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_KAFKA_UNAVAILABLE', message, options);
  }
}

/** The cluster answered, and refuses for good: no permission, no such topic, an invalid request. */
export class KafkaRefusedError extends KafkaError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_KAFKA_REFUSED', message, options);
  }
}

/** One record is larger than a request may be. */
export class RecordTooLargeError extends KafkaError {
  readonly sizeBytes: number;

  constructor(topic: string, sizeBytes: number, limitBytes: number) {
    super(
      'ERR_RECORD_TOO_LARGE',
      `A record of ${sizeBytes} bytes for ${topic} is above the limit of ${limitBytes} bytes.`,
    );
    this.sizeBytes = sizeBytes;
  }
}

/** The producer or consumer was stopped before this call. */
export class KafkaClosedError extends KafkaError {
  constructor(what: string) {
    super('ERR_KAFKA_CLOSED', `${what} is stopped.`);
  }
}

/** Bytes that are no record: wrong magic byte, cut off, or not of the writer's schema. Goes to the dead letters. */
export class MalformedRecordError extends KafkaError {
  constructor(record: string, problem: string, options?: ErrorOptions) {
    super('ERR_RECORD_MALFORMED', `Not a ${record}: ${problem}`, options);
  }
}

/** A value that its schema does not allow; `path` names the first field that is wrong. */
export class InvalidValueError extends KafkaError {
  readonly path: string;

  constructor(record: string, path: string, options?: ErrorOptions) {
    super('ERR_VALUE_INVALID', `Not a valid ${record}: ${path || 'the value'} has the wrong type.`, options);
    this.path = path;
  }
}

/** The registry does not answer. Schemas that are known go on from memory. */
export class RegistryUnavailableError extends KafkaError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_REGISTRY_UNAVAILABLE', message, options);
  }
}

/** The registry refuses a schema: it is not compatible with a version that is already registered. */
export class SchemaIncompatibleError extends KafkaError {
  readonly subject: string;

  constructor(subject: string, problem: string, options?: ErrorOptions) {
    super('ERR_SCHEMA_INCOMPATIBLE', `The registry refuses the schema of ${subject}: ${problem}`, options);
    this.subject = subject;
  }
}
