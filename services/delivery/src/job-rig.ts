/** For tests: a job as it comes from a record, without Kafka. */
import { deriveMessageId, isMessageId } from '@millrace/core';
import type { DeliveryTask } from '@millrace/schemas';
import type { Job } from './job.ts';

const at = 1_700_000_000_000;

/** A composed task; `overrides` replace fields. */
export const testTask = (overrides: Partial<DeliveryTask> = {}): DeliveryTask => ({
  message_id: deriveMessageId(at, 'task'),
  request_id: 'request',
  tenant: 'acme',
  stream: 'batch',
  category: null,
  campaign: null,
  mail_from: { address: 'news@acme.example', name: 'Acme' },
  recipient: 'user@gmail.com',
  recipient_name: null,
  domain: 'gmail.com',
  isp: 'gmail',
  site: 'gmail-smtp-in.l.google.com',
  pool: 'main',
  raw: null,
  blob: null,
  template_id: null,
  template_version: null,
  variables: null,
  composed: { subject: 'Hello', text: 'Hi', html: null, attachments: [] },
  headers: [],
  reply_to: null,
  tags: [],
  metadata: {},
  attempt: 0,
  accepted_at: at,
  send_at: null,
  deadline: at + 30_000,
  expires_at: at + 86_400_000,
  guarantee: 'at_least_once',
  ...overrides,
});

export const testJob = (overrides: Partial<DeliveryTask> = {}): Job => {
  const value = testTask(overrides);
  if (!isMessageId(value.message_id)) throw new TypeError(`${value.message_id} is no message id.`);
  return {
    id: value.message_id,
    held: {
      value,
      topic: `mail.${value.stream}.${value.isp}`,
      partition: 0,
      offset: 0,
      timestamp: at,
      key: Buffer.from(value.domain),
      headers: {},
      sizeBytes: 500,
      bytes: Buffer.alloc(500),
      lost: new AbortController().signal,
      waits: () => undefined,
      complete: () => undefined,
      reject: async () => undefined,
    },
    takenAt: at,
    span: { traceId: null, within: (run) => run(), end: () => undefined },
    mail: undefined,
    taken: false,
    claimed: false,
    sentBefore: false,
    returns: 0,
  };
};
