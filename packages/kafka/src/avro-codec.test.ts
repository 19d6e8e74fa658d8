import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { avroSchemas, type Suppression } from '@millrace/schemas';
import avro from 'avsc';
import fc from 'fast-check';
import { AvroCodec } from './avro-codec.ts';
import { InvalidValueError, MalformedRecordError, SchemaIncompatibleError } from './errors.ts';
import { createSchemaRegistry, registerSubjects, type SchemaRegistry } from './schema-registry.ts';
import { testStack } from './test-installation.ts';
import { deliveryTask, suppression } from './test-records.ts';

const { registryUrl } = testStack();
const prefix = `test-${randomUUID().slice(0, 8)}.`;

/** The registry behind a door that can be shut: the same registry, reachable or not. */
async function openDoor() {
  const { hostname, port, pathname } = new URL(registryUrl);
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(Number(port), hostname);
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${own}${pathname}`, shut, open: () => listen(own) };
}

let registry: SchemaRegistry;
let codec: AvroCodec;
let door: Awaited<ReturnType<typeof openDoor>>;

before(async () => {
  door = await openDoor();
  registry = createSchemaRegistry({ url: registryUrl });
  codec = new AvroCodec(createSchemaRegistry({ url: door.url }));
  codec.learn(await registerSubjects(registry, prefix));
});
after(() => door.shut());

/** Bytes as a writer with another schema would write them, its schema registered under its own subject. */
async function writtenWith(schema: object, value: object): Promise<Buffer> {
  const text = JSON.stringify(schema);
  const id = await registry.register(`${prefix}${randomUUID()}`, text);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, avro.Type.forSchema(JSON.parse(text)).toBuffer(value)]);
}

const suppressionFields: { readonly name: string }[] = JSON.parse(avroSchemas.Suppression).fields;
const withFields = (fields: readonly object[]) => ({ ...JSON.parse(avroSchemas.Suppression), fields });

test('what was encoded decodes to the same, in the Confluent framing', () => {
  const task = deliveryTask({
    raw: Buffer.from([0, 255, 10]),
    metadata: { a: 'b' },
    headers: [{ name: 'X', value: 'é' }],
  });
  const bytes = codec.encode('DeliveryTask', task);
  assert.equal(bytes[0], 0);
  assert.ok(bytes.readUInt32BE(1) > 0);
  // avsc makes instances of classes of its own; a structured clone has plain objects.
  assert.deepEqual(structuredClone(codec.decode('DeliveryTask', bytes)), structuredClone(task));
});

test('values larger than a slab, and many after another, keep their own bytes', () => {
  const large = codec.encode('DeliveryTask', deliveryTask({ raw: Buffer.alloc(600_000, 7) }));
  const many = Array.from({ length: 2_000 }, (_, index) =>
    codec.encode('Suppression', suppression(`user-${index}@example.com`)),
  );
  for (const [index, bytes] of many.entries())
    assert.equal(decodeNow(bytes).address, `user-${index}@example.com`);
  assert.equal(large.length > 600_000, true);
});

function decodeNow(bytes: Buffer): Suppression {
  const value = codec.decode('Suppression', bytes);
  assert.ok(!(value instanceof Promise));
  return value;
}

test('a value that the schema does not allow names the field', () => {
  const broken: Suppression = JSON.parse(
    JSON.stringify({ ...suppression('a@b.example'), created_at: 'yesterday' }),
  );
  assert.throws(
    () => codec.encode('Suppression', broken),
    (error) => error instanceof InvalidValueError && error.path === 'created_at',
  );
});

test('a writer with one more field is read without it', async () => {
  const newer = withFields([
    ...suppressionFields,
    { name: 'added_later', type: ['null', 'long'], default: null },
  ]);
  const bytes = await writtenWith(newer, { ...suppression('new@example.com'), added_later: 7 });
  const value = await codec.decode('Suppression', bytes);
  assert.equal(value.address, 'new@example.com');
  assert.equal('added_later' in value, false);
});

test('a writer without one of our fields is read with its default', async () => {
  const older = withFields(
    suppressionFields.filter((field) => field.name !== 'note' && field.name !== 'reason'),
  );
  const bytes = await writtenWith(older, suppression('old@example.com'));
  const value = await codec.decode('Suppression', bytes);
  assert.equal(value.reason, 'manual');
  assert.equal(value.note, null);
});

test('without the registry, known schemas go on, and an unknown one waits until it is back', async () => {
  const newer = withFields([...suppressionFields, { name: 'waits', type: 'string', default: '' }]);
  const bytes = await writtenWith(newer, { ...suppression('patient@example.com'), waits: 'yes' });
  await door.shut();
  assert.equal(
    decodeNow(codec.encode('Suppression', suppression('known@example.com'))).address,
    'known@example.com',
  );
  const waiting = codec.decode('Suppression', bytes);
  assert.ok(waiting instanceof Promise);
  let settled = false;
  waiting.finally(() => {
    settled = true;
  });
  await assert.rejects(fetch(door.url));
  assert.equal(settled, false);
  await door.open();
  assert.equal((await waiting).address, 'patient@example.com');
  assert.equal(decodeNow(bytes).address, 'patient@example.com');
});

test('who waits for a schema can be called off', async () => {
  const newer = withFields([...suppressionFields, { name: 'called_off', type: 'string', default: '' }]);
  const bytes = await writtenWith(newer, { ...suppression('a@example.com'), called_off: '' });
  await door.shut();
  const calling = new AbortController();
  const waiting = codec.decode('Suppression', bytes, calling.signal);
  calling.abort();
  await assert.rejects(async () => waiting, { name: 'AbortError' });
  await door.open();
});

test('an id that the registry does not have is malformed', async () => {
  const bytes = Buffer.from([0, 0x7f, 0xff, 0xff, 0x01, 0]);
  await assert.rejects(async () => codec.decode('Suppression', bytes), MalformedRecordError);
});

test('an incompatible schema is refused by the registry, and named', async () => {
  const fields = suppressionFields.map((field) =>
    field.name === 'address' ? { ...field, type: 'long', default: 0 } : field,
  );
  await assert.rejects(
    registry.register(`${prefix}mail.suppressions-value`, JSON.stringify(withFields(fields))),
    (error) =>
      error instanceof SchemaIncompatibleError && error.subject === `${prefix}mail.suppressions-value`,
  );
});

test('several processes may register at once, and get the same ids', async () => {
  const own = `test-${randomUUID().slice(0, 8)}.`;
  const [first, ...others] = await Promise.all(
    Array.from({ length: 8 }, () => registerSubjects(createSchemaRegistry({ url: registryUrl }), own)),
  );
  for (const other of others) assert.deepEqual(other, first);
});

test('no bytes make it hang or throw anything but MalformedRecordError', () => {
  const valid = codec.encode('DeliveryTask', deliveryTask({ tags: ['a', 'b'], metadata: { k: 'v' } }));
  const header = valid.subarray(0, 5);
  const decodes = (bytes: Buffer): void => {
    try {
      assert.ok(!(codec.decode('DeliveryTask', bytes) instanceof Promise));
    } catch (error) {
      assert.ok(error instanceof MalformedRecordError, String(error));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (payload) => decodes(Buffer.concat([header, payload]))),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 5, max: valid.length - 1 }), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, byte] of changes) bytes[at] = byte;
        decodes(bytes);
      },
    ),
    { numRuns: 1_000 },
  );
  decodes(valid.subarray(0, valid.length - 1));
  decodes(Buffer.concat([valid, Buffer.from([0])]));
  assert.throws(() => codec.decode('DeliveryTask', Buffer.from('{"json":true}')), MalformedRecordError);
});

test('whether a record is one of a choice is told without decoding it, whatever stands before the field', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 200 });
  fc.assert(
    fc.property(texts, texts, fc.constantFrom('gmail', 'yahoo', 'ü'), (tenant, campaign, isp) => {
      const bytes = codec.encode('DeliveryTask', deliveryTask({ tenant, campaign, isp }));
      const isOne = (...values: string[]): boolean =>
        codec.mayBe('DeliveryTask', bytes, { field: 'isp', values: new Set(values) });
      assert.deepEqual(
        [isOne(isp), isOne('gmail', 'yahoo', 'ü'), isOne('other'), isOne()],
        [true, true, false, false],
      );
    }),
  );
});

test('where it cannot be told, a record may be one of the choice', async () => {
  const choice = { field: 'reason', values: new Set(['manual']) } as const;
  const mayBe = (bytes: Buffer): boolean => codec.mayBe('Suppression', bytes, choice);
  const whole = codec.encode('Suppression', suppression('a@example.com', { reason: 'complaint' }));
  assert.equal(mayBe(whole), false);
  for (const cut of [0, 3, 7, 12]) assert.equal(mayBe(whole.subarray(0, cut)), true, `${cut} bytes`);
  const other = {
    type: 'record',
    name: 'Suppression',
    namespace: 'dev.millrace',
    fields: [{ name: 'tenant', type: 'string' }],
  };
  const written = await writtenWith(other, { tenant: 'acme' });
  assert.equal(mayBe(written), true);
  await Promise.resolve(codec.decode('Suppression', written)).catch(() => undefined);
  assert.equal(mayBe(written), true);
});
