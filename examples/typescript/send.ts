/**
 * A producer of your own: puts a SendRequest on mail.requests, without going through Millrace's API.
 *
 *   node send.ts ada@gmail.com grace@yahoo.com
 *
 * The schema comes from the registry, so nothing of Millrace is needed here. Every field has a default: only what is
 * not the default is said.
 */
import { randomUUID } from 'node:crypto';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Kafka, logLevel } from 'kafkajs';

const { env } = process;
const brokers = (env.KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const registryUrl = env.SCHEMA_REGISTRY_URL ?? 'http://127.0.0.1:8081/apis/ccompat/v7';
const tenant = env.MILLRACE_TENANT ?? 'local';
const topic = env.MILLRACE_TOPIC ?? 'mail.requests';
const from = env.MILLRACE_FROM ?? 'shop@millrace.test';

const recipients = process.argv.slice(2);
if (recipients.length === 0) {
  console.error('usage: node send.ts ADDRESS...');
  process.exit(2);
}

const registry = new SchemaRegistry({ host: registryUrl });
const schemaId = await registry.getLatestSchemaId(`${topic}-value`);

// What your application calls this request. It is part of the record's key, so that a repetition follows the first one
// in the same partition.
const idempotencyKey = randomUUID();

const value = await registry.encode(schemaId, {
  tenant,
  idempotency_key: idempotencyKey,
  via: 'avro',
  category: 'receipt',
  mail_from: { address: from, name: 'The Shop' },
  recipients: recipients.map((address) => ({ address })),
  composed: {
    subject: 'Your order 4711',
    text: 'Thank you! Your order is on its way.\n',
    html: '<p>Thank you! Your order is <b>on its way</b>.</p>',
  },
  headers: [{ name: 'X-Order', value: '4711' }],
  tags: ['order'],
  metadata: { order: '4711' },
});

const kafka = new Kafka({ clientId: 'example-shop', brokers, logLevel: logLevel.ERROR });
// Idempotent and acks=all: once send() resolves, the request survives the loss of a broker and is there once.
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await producer.connect();
try {
  const [written] = await producer.send({
    topic,
    acks: -1,
    messages: [{ key: `${tenant}/${idempotencyKey}`, value }],
  });
  console.log(
    JSON.stringify({
      topic,
      partition: written?.partition,
      offset: written?.baseOffset,
      recipients: recipients.length,
    }),
  );
} finally {
  await producer.disconnect();
}
