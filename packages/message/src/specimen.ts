/** What the tests and the bench of this package send: keys, tasks, templates, and what DNS would say of the keys. */
import { generateKeyPairSync } from 'node:crypto';
import { newMessageId } from '@millrace/core';
import type { DeliveryTask, Template } from '@millrace/schemas';
import { authenticate } from 'mailauth';
import { type DkimAlgorithm, type DkimKey, dkimKey, dkimRecord } from './dkim/dkim-key.ts';
import { DkimKeyring } from './dkim/dkim-keyring.ts';
import type { MessageFacts } from './message-facts.ts';
import { SenderCache } from './sender.ts';
import { type UnsubscribeOptions, unsubscribeKeys } from './unsubscribe.ts';

/** 2026-11-24T16:40:00Z. */
export const specimenNow = 1_795_538_400_000;

const makeKey = (domain: string, selector: string, algorithm: DkimAlgorithm): DkimKey => {
  const { privateKey } =
    algorithm === 'rsa-sha256'
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : generateKeyPairSync('ed25519');
  return dkimKey({ domain, selector, algorithm, pem: privateKey.export({ type: 'pkcs8', format: 'pem' }) });
};

export const rsaKey = makeKey('example.com', 'r1', 'rsa-sha256');
export const ed25519Key = makeKey('example.com', 'e1', 'ed25519-sha256');

export const unsubscribeSpecimen: UnsubscribeOptions = {
  url: 'https://example.com/u/{token}',
  mailto: 'unsubscribe@example.com',
  secret: 'a secret of the tests',
};

/** Facts as a configuration with these keys gives them. */
export const factsWith = (
  keys: readonly DkimKey[],
  more: { readonly unsubscribe?: UnsubscribeOptions; readonly fallbackDomain?: string } = {},
): MessageFacts => {
  const keyring = new DkimKeyring(keys, more.fallbackDomain);
  const { unsubscribe } = more;
  return {
    keyring,
    returnPathDomain: 'bounce.example.com',
    returnPathSecret: unsubscribe?.secret,
    unsubscribe:
      unsubscribe === undefined
        ? undefined
        : { options: unsubscribe, keys: unsubscribeKeys(unsubscribe.secret) },
    feedbackIdSender: 'millrace',
    senders: new SenderCache(keyring),
  };
};

export const taskWith = (more: Partial<DeliveryTask> = {}): DeliveryTask => ({
  message_id: newMessageId(specimenNow),
  request_id: 'request',
  tenant: 'acme',
  stream: 'realtime',
  category: null,
  campaign: null,
  mail_from: { address: 'news@example.com', name: 'Acme News' },
  recipient: 'bob@example.org',
  recipient_name: null,
  domain: 'example.org',
  isp: 'other',
  site: 'example.org',
  pool: 'realtime',
  raw: null,
  blob: null,
  template_id: null,
  template_version: null,
  variables: null,
  composed: null,
  headers: [],
  reply_to: null,
  tags: [],
  metadata: {},
  attempt: 0,
  accepted_at: specimenNow,
  send_at: null,
  deadline: 0,
  expires_at: 0,
  guarantee: 'at_least_once',
  ...more,
});

export const templateWith = (more: Partial<Template> = {}): Template => ({
  tenant: 'acme',
  template_id: 'welcome',
  version: 1,
  language: 'liquid',
  subject: 'Hello {{ name }}',
  text: 'Hello {{ name }}',
  html: null,
  headers: [],
  created_at: 0,
  deleted: false,
  ...more,
});

/** What mailauth finds of each signature: `d=` and `s=` with its result. */
export const verifiedSignatures = async (
  message: Buffer,
  keys: readonly DkimKey[],
): Promise<readonly { readonly name: string; readonly result: string; readonly comment: string }[]> => {
  const records = new Map(keys.map((key) => [`${key.selector}._domainkey.${key.domain}`, dkimRecord(key)]));
  const { dkim } = await authenticate(message, {
    ip: '127.0.0.1',
    helo: 'localhost',
    sender: '',
    mta: 'tests',
    disableArc: true,
    disableBimi: true,
    disableDmarc: true,
    resolver: async (name, type) => {
      const record = records.get(name);
      if (type === 'TXT' && record !== undefined) return [[record]];
      throw Object.assign(new Error(`no ${type} of ${name}`), { code: 'ENOTFOUND' });
    },
  });
  return (dkim?.results ?? []).map(({ signingDomain, selector, status }) => ({
    name: `${selector ?? ''}.${signingDomain ?? ''}`,
    result: status.result,
    comment: status.comment ?? '',
  }));
};

/** The header of a message as a list of unfolded fields, and its body. */
export const taken = (
  data: Buffer,
): { readonly fields: readonly (readonly [name: string, value: string])[]; readonly body: string } => {
  const text = data.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const fields = text
    .slice(0, end)
    .replaceAll(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
  return { fields, body: text.slice(end + 4) };
};

/** Values of one field, whatever its case. */
export const valuesOf = (data: Buffer, name: string): readonly string[] =>
  taken(data)
    .fields.filter(([field]) => field.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
