/** Records to bytes and back: Avro in the Confluent framing (a zero byte, the schema id as four bytes, the value). */
import { setTimeout as sleep } from 'node:timers/promises';
import { avroSchemas, type RecordName, type Records } from '@millrace/schemas';
import avro from 'avsc';
import { type BoundsCheck, boundsCheckOf, type TextField, textFieldOf } from './avro-bounds.ts';
import { bytesInPlace } from './avro-bytes.ts';
import { EncodingSlabs } from './encoding-slabs.ts';
import { InvalidValueError, KafkaError, MalformedRecordError } from './errors.ts';
import type { Codec, EncodingMemory, RecordChoice } from './kafka.ts';
import { type KafkaLogger, silentLogger } from './log.ts';
import { type SchemaRegistry, UnknownSchemaError } from './schema-registry.ts';

const headerBytes = 5;
/** How often and how long apart the registry is asked for an id that it says it does not have. */
const unknownAttempts = 3;
const retryMs = { first: 200, longest: 5_000 };
/** How long an id that the registry does not have is refused without asking again, ms. */
const rememberUnknownMs = 60_000;

/** How the bytes of one writer's schema become our record. */
interface Reader {
  readonly check: BoundsCheck;
  readonly read: (payload: Buffer) => unknown;
  /** A field that records are chosen by; undefined: the writer's schema has no such text. */
  readonly textField: (name: string) => TextField | undefined;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const typeOf = (schema: string): avro.Type =>
  avro.Type.forSchema(JSON.parse(schema), { typeHook: bytesInPlace });

export class AvroCodec implements Codec {
  readonly #registry: SchemaRegistry;
  readonly #logger: KafkaLogger;
  readonly #types = new Map<RecordName, avro.Type>();
  readonly #ids = new Map<RecordName, number>();
  readonly #readers = new Map<RecordName, Map<number, Reader>>();
  readonly #fetching = new Map<number, Promise<string>>();
  readonly #unknown = new Map<number, { readonly error: UnknownSchemaError; readonly until: number }>();
  readonly #slabs = new EncodingSlabs();

  constructor(registry: SchemaRegistry, logger: KafkaLogger = silentLogger) {
    this.#registry = registry;
    this.#logger = logger;
  }

  /** Tells the ids that our own schemas have in the registry. */
  learn(ids: ReadonlyMap<RecordName, number>): void {
    for (const [record, id] of ids) {
      this.#ids.set(record, id);
      this.#readersOf(record).set(id, this.#readerOf(record, avroSchemas[record]));
    }
  }

  encode<N extends RecordName>(record: N, value: Records[N], memory: EncodingMemory = this.#slabs): Buffer {
    const id = this.#ids.get(record);
    if (id === undefined)
      throw new KafkaError(
        'ERR_SCHEMAS_NOT_REGISTERED',
        `registerSchemas() comes before encoding ${record}.`,
      );
    const type = this.#type(record);
    const slab = memory.open;
    const { bytes, used: start } = slab;
    let end: number;
    try {
      end = type.encode(value, bytes, start + headerBytes);
    } catch (error) {
      throw new InvalidValueError(record, firstWrongPath(type, value), { cause: error });
    }
    if (end < 0) {
      // avsc says by how much it was short.
      const neededBytes = bytes.length - start - end;
      memory.renew(neededBytes + headerBytes);
      return this.encode(record, value, memory);
    }
    bytes[start] = 0;
    bytes.writeUInt32BE(id, start + 1);
    slab.used = end;
    return bytes.subarray(start, end);
  }

  decode<N extends RecordName>(
    record: N,
    bytes: Buffer,
    signal?: AbortSignal,
  ): Records[N] | Promise<Records[N]> {
    if (bytes.length < headerBytes || bytes[0] !== 0)
      throw new MalformedRecordError(
        record,
        'it does not start with a zero byte and a schema id (Confluent framing).',
      );
    const id = bytes.readUInt32BE(1);
    const reader = this.#readersOf(record).get(id);
    if (reader !== undefined) return this.#read(record, reader, bytes);
    return this.#learnReader(record, id, signal).then((learned) => this.#read(record, learned, bytes));
  }

  mayBe<N extends RecordName>(
    record: N,
    bytes: Buffer,
    { field, values }: RecordChoice<Records[N]>,
  ): boolean {
    if (bytes.length < headerBytes || bytes[0] !== 0) return true;
    const textField = this.#readersOf(record).get(bytes.readUInt32BE(1))?.textField(field);
    try {
      return textField === undefined || values.has(textField(bytes, headerBytes));
    } catch {
      return true;
    }
  }

  #read<N extends RecordName>(record: N, reader: Reader, bytes: Buffer): Records[N] {
    const payload = bytes.subarray(headerBytes);
    try {
      const ended = reader.check(payload, 0);
      if (ended !== payload.length)
        throw new RangeError(`${payload.length - ended} bytes are left after the value`);
      // The resolver makes our record of whatever the writer wrote.
      return reader.read(payload) as Records[N];
    } catch (error) {
      throw new MalformedRecordError(record, textOf(error), { cause: error });
    }
  }

  #type(record: RecordName): avro.Type {
    let type = this.#types.get(record);
    if (type === undefined) {
      type = typeOf(avroSchemas[record]);
      this.#types.set(record, type);
    }
    return type;
  }

  #readersOf(record: RecordName): Map<number, Reader> {
    let readers = this.#readers.get(record);
    if (readers === undefined) {
      readers = new Map();
      this.#readers.set(record, readers);
    }
    return readers;
  }

  #readerOf(record: RecordName, writerSchema: string): Reader {
    const ours = this.#type(record);
    const schema: unknown = JSON.parse(writerSchema);
    const check = boundsCheckOf(schema);
    const fields = new Map<string, TextField | undefined>();
    const textField = (name: string): TextField | undefined => {
      if (!fields.has(name)) fields.set(name, textFieldOf(schema, name));
      return fields.get(name);
    };
    if (writerSchema === avroSchemas[record])
      return { check, textField, read: (payload) => ours.fromBuffer(payload) };
    const resolver = ours.createResolver(typeOf(writerSchema));
    return { check, textField, read: (payload) => ours.fromBuffer(payload, resolver) };
  }

  async #learnReader(record: RecordName, id: number, signal: AbortSignal | undefined): Promise<Reader> {
    const schema = await this.#fetch(record, id, signal);
    const readers = this.#readersOf(record);
    const known = readers.get(id);
    if (known !== undefined) return known;
    try {
      const reader = this.#readerOf(record, schema);
      readers.set(id, reader);
      return reader;
    } catch (error) {
      throw new MalformedRecordError(record, `its schema ${id} does not resolve to ours: ${textOf(error)}`, {
        cause: error,
      });
    }
  }

  /** One request per id at a time, however many records wait for it. */
  async #fetch(record: RecordName, id: number, signal: AbortSignal | undefined): Promise<string> {
    let attempts = 0;
    for (let waitMs = retryMs.first; ; waitMs = Math.min(waitMs * 2, retryMs.longest)) {
      const unknown = this.#unknown.get(id);
      if (unknown !== undefined && unknown.until > Date.now())
        throw new MalformedRecordError(record, unknown.error.message, { cause: unknown.error });
      try {
        let fetching = this.#fetching.get(id);
        if (fetching === undefined) {
          fetching = this.#registry.fetch(id).finally(() => this.#fetching.delete(id));
          this.#fetching.set(id, fetching);
        }
        return await fetching;
      } catch (error) {
        attempts += 1;
        if (error instanceof UnknownSchemaError && attempts >= unknownAttempts) {
          this.#unknown.set(id, { error, until: Date.now() + rememberUnknownMs });
          continue;
        }
        if (attempts === unknownAttempts)
          this.#logger.warn({ schema_id: id, error: textOf(error) }, 'waiting for a schema');
      }
      await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

function firstWrongPath(type: avro.Type, value: unknown): string {
  let first = '';
  type.isValid(value, {
    errorHook: (path) => {
      if (first === '') first = path.join('.');
    },
  });
  return first;
}
