/** For tests: small valid records. */
import type { DeliveryTask, Suppression } from '@millrace/schemas';

/** A templated task; `overrides` replace fields. */
export const deliveryTask = (overrides: Partial<DeliveryTask> = {}): DeliveryTask => ({
  message_id: '0198f0c4-0000-7000-8000-000000000000',
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
  site: 'google.com',
  pool: 'batch',
  raw: null,
  blob: null,
  template_id: 'welcome',
  template_version: 1,
  variables: '{"name":"Ada"}',
  composed: null,
  headers: [],
  reply_to: null,
  tags: ['test'],
  metadata: {},
  attempt: 0,
  accepted_at: 1_700_000_000_000,
  send_at: null,
  deadline: 1_700_000_030_000,
  expires_at: 1_700_086_400_000,
  guarantee: 'at_least_once',
  ...overrides,
});

export const suppression = (address: string, overrides: Partial<Suppression> = {}): Suppression => ({
  tenant: 'acme',
  address,
  reason: 'manual',
  streams: [],
  created_at: 1_700_000_000_000,
  expires_at: null,
  message_id: null,
  note: null,
  ...overrides,
});
