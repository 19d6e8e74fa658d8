/**
 * Calls to the schema registry. The library's own encode and decode are not used: they are async per record.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { COMPATIBILITY, SchemaRegistry as Registry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { avroSchemas, type RecordName } from '@millrace/schemas';
import { KafkaError, RegistryUnavailableError, SchemaIncompatibleError } from './errors.ts';
import type { KafkaOptions } from './kafka.ts';
import { subjects } from './subjects.ts';

/** A schema id that the registry does not have. */
export class UnknownSchemaError extends KafkaError {
  constructor(id: number, options?: ErrorOptions) {
    super('ERR_SCHEMA_UNKNOWN', `The registry has no schema with id ${id}.`, options);
  }
}

export interface SchemaRegistry {
  /** Registers one schema; the same text gives the same id. Throws SchemaIncompatibleError, RegistryUnavailableError. */
  register(subject: string, schema: string): Promise<number>;
  /** The schema's JSON. Throws UnknownSchemaError, RegistryUnavailableError. */
  fetch(id: number): Promise<string>;
}

const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number'
    ? error.status
    : undefined;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function createSchemaRegistry(options: KafkaOptions['registry']): SchemaRegistry {
  const base = options.url.replace(/\/+$/, '');
  const auth =
    options.username === undefined
      ? undefined
      : { username: options.username, password: options.password ?? '' };
  // The library gives up at once; who calls decides how long to try. It writes into the retry object that it is given.
  const library = () =>
    new Registry({ host: base, retry: { retries: 0 }, ...(auth === undefined ? {} : { auth }) });

  async function setCompatibility(subject: string): Promise<void> {
    const response = await fetch(`${base}/config/${encodeURIComponent(subject)}`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/vnd.schemaregistry.v1+json',
        ...(auth === undefined
          ? {}
          : {
              authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`,
            }),
      },
      body: JSON.stringify({ compatibility: COMPATIBILITY.FULL_TRANSITIVE }),
      signal: AbortSignal.timeout(10_000),
    });
    await response.arrayBuffer();
    if (!response.ok)
      throw new RegistryUnavailableError(`PUT /config/${subject} answered ${response.status}.`);
  }

  async function registerOnce(subject: string, schema: string): Promise<number> {
    try {
      const { id } = await library().register(
        { type: SchemaType.AVRO, schema },
        { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE },
      );
      return id;
    } catch (error) {
      // Another process has made the subject and is about to set its rule: set it too, it is the same rule.
      if (error instanceof Error && error.name === 'ConfluentSchemaRegistryCompatibilityError') {
        await setCompatibility(subject);
        throw new RegistryUnavailableError(`The rule of ${subject} was just set.`, { cause: error });
      }
      // 409 by the registry's API, 422 for a schema that it cannot read.
      const status = statusOf(error);
      // "A rule named 'COMPATIBILITY' already exists": the other process was quicker. Nothing was said of our schema.
      const lostRace = status === 409 && /already exists/i.test(textOf(error));
      if (!lostRace && (status === 422 || (status === 409 && /compatib|rule/i.test(textOf(error)))))
        throw new SchemaIncompatibleError(subject, textOf(error), { cause: error });
      throw new RegistryUnavailableError(`${base} does not register ${subject}: ${textOf(error)}`, {
        cause: error,
      });
    }
  }

  return {
    async register(subject, schema) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await registerOnce(subject, schema);
        } catch (error) {
          if (error instanceof SchemaIncompatibleError || attempt === 8) throw error;
          await sleep(50 * 2 ** Math.min(attempt, 5) * (0.5 + Math.random()));
        }
      }
    },
    async fetch(id) {
      try {
        const type = await library().getSchema(id);
        return JSON.stringify(type);
      } catch (error) {
        if (statusOf(error) === 404) throw new UnknownSchemaError(id, { cause: error });
        throw new RegistryUnavailableError(`${base} does not give schema ${id}: ${textOf(error)}`, {
          cause: error,
        });
      }
    },
  };
}

/** Registers every schema of ours; the id of each record. */
export async function registerSubjects(
  registry: SchemaRegistry,
  prefix: string,
): Promise<ReadonlyMap<RecordName, number>> {
  const registered = subjects.map(
    async ({ record, subject }): Promise<readonly [RecordName, number]> => [
      record,
      await registry.register(subject(prefix), avroSchemas[record]),
    ],
  );
  return new Map(await Promise.all(registered));
}
