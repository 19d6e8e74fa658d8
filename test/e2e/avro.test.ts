/** From a producer of the user's own to the mailbox: no ingest in between. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { topics } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import { assertAuthenticated } from '../rig/mailboxes.ts';
import { type PipelineInUse, usePipeline } from '../rig/shared-pipeline.ts';

const request: SendRequest = {
  request_id: '',
  tenant: 'local',
  idempotency_key: null,
  accepted_at: 0,
  via: 'avro',
  stream: 'realtime',
  category: null,
  campaign: null,
  mail_from: { address: 'events@millrace.test', name: 'Events' },
  recipients: [],
  raw: null,
  blob: null,
  template_id: null,
  template_version: null,
  variables: null,
  composed: { subject: 'By Avro', text: 'Straight onto the topic', html: null, attachments: [] },
  headers: [],
  reply_to: null,
  tags: ['avro'],
  metadata: {},
  send_at: null,
  expires_at: null,
  pool: null,
  guarantee: 'at_least_once',
  routing_attempts: 0,
};

describe('A SendRequest of a producer', () => {
  let pipeline: PipelineInUse;
  before(async () => {
    pipeline = await usePipeline();
  });
  after(() => pipeline.stop());

  for (const topic of [topics.requests, topics.realtimeRequests])
    test(`on ${topic} arrives like any other`, () => arrives(topic));

  const arrives = async (topic: string): Promise<void> => {
    const to = `${pipeline.unique(`avro-${topic.replaceAll('.', '-')}`)}@yahoo.com`;
    const producer = await pipeline.kafka.producer();
    const value = {
      ...request,
      recipients: [{ message_id: null, address: to, name: 'Ada', variables: null }],
    };
    await producer.send('SendRequest', topic, { key: pipeline.unique('avro'), value });
    const mail = await pipeline.mailboxes.one(to);
    assertAuthenticated(mail);
    assert.equal(mail.subject, 'By Avro');
    const id = /<([^@]+)@/.exec(mail.message_id ?? '<')?.[1] ?? mail.message_id?.split('@')[0] ?? '';
    const life = await pipeline.events.life(id);
    assert.deepEqual(
      life.map(({ kind }) => kind),
      ['accepted', 'routed', 'delivered'],
    );
    assert.deepEqual(life.at(-1)?.tags, ['avro']);
    await producer.stop();
  };
});
