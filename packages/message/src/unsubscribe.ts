/**
 * One-click unsubscription (RFC 8058, RFC 2369): a link whose token says who unsubscribes from what. The token is
 * encrypted and authenticated, so that it cannot be forged, and no address stands in the logs of a web server; it
 * carries all that is needed, so that a link in a mail of last year still works.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { isMessageId, type MessageId, messageIdBytes, messageIdFromBytes } from '@millrace/core';
import { HmacKey } from './hmac.ts';

/** Where unsubscriptions go, as configured. */
export interface UnsubscribeOptions {
  /** https URL; `{token}` is replaced. */
  readonly url?: string | undefined;
  /** Address whose local part gets `+token`. */
  readonly mailto?: string | undefined;
  /** Key of the tokens, 16 characters or more. */
  readonly secret: string;
}

/** What a token says. */
export interface Unsubscribe {
  readonly messageId: MessageId;
  readonly tenant: string;
  /** The address that the mail went to. */
  readonly recipient: string;
  readonly campaign: string | null;
  /** The list (category) that the mail was of. */
  readonly list: string | null;
}

/** The keys that the secret stands for; made once. */
export interface UnsubscribeKeys {
  readonly encryption: KeyObject;
  readonly nonce: HmacKey;
}

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const idBytes = 16;

const derivedKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));

export const unsubscribeKeys = (secret: string): UnsubscribeKeys => ({
  encryption: createSecretKey(derivedKey(secret, 'millrace unsubscribe token')),
  nonce: new HmacKey(derivedKey(secret, 'millrace unsubscribe nonce')),
});

/**
 * The token: version, nonce, AES-256-GCM of the facts, in base64url. The nonce is derived from the facts, so the same
 * message has the same token at each attempt and no nonce is ever used for two different contents.
 */
export const unsubscribeToken = (facts: Unsubscribe, keys: UnsubscribeKeys): string => {
  const plain = Buffer.concat([
    messageIdBytes(facts.messageId),
    Buffer.from([facts.tenant, facts.recipient, facts.campaign ?? '', facts.list ?? ''].join('\0'), 'utf8'),
  ]);
  const nonce = keys.nonce.digest(plain).subarray(0, nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', keys.encryption, nonce);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([Buffer.of(version), nonce, sealed, cipher.getAuthTag()]).toString('base64url');
};

/** What a token of this secret says; undefined for anything that was not made with it. */
export const readUnsubscribeToken = (token: string, secret: string): Unsubscribe | undefined => {
  const bytes = Buffer.from(token, 'base64url');
  if (bytes[0] !== version || bytes.length < 1 + nonceBytes + idBytes + tagBytes) return undefined;
  const decipher = createDecipheriv(
    'aes-256-gcm',
    unsubscribeKeys(secret).encryption,
    bytes.subarray(1, 1 + nonceBytes),
    { authTagLength: tagBytes },
  );
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  const plain = opened(decipher, bytes.subarray(1 + nonceBytes, -tagBytes));
  const messageId = plain === undefined ? undefined : messageIdFromBytes(plain.subarray(0, idBytes));
  if (plain === undefined || messageId === undefined || !isMessageId(messageId)) return undefined;
  const [tenant = '', recipient = '', campaign = '', list = ''] = plain.toString('utf8', idBytes).split('\0');
  return { messageId, tenant, recipient, campaign: campaign || null, list: list || null };
};

/** The decrypted bytes, or undefined when the tag does not fit: the one way in which a forged token shows. */
const opened = (
  decipher: { update(data: Buffer): Buffer; final(): Buffer },
  sealed: Buffer,
): Buffer | undefined => {
  try {
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  } catch {
    return undefined;
  }
};

/** The link of one message; undefined when no URL is configured. */
export const unsubscribeUrl = (
  facts: Unsubscribe,
  options: UnsubscribeOptions,
  keys: UnsubscribeKeys,
): string | undefined => options.url?.replaceAll('{token}', unsubscribeToken(facts, keys));

/** The mailto: URI of one message. `token`: that of the return path, which fits into a local part. */
export const unsubscribeMailto = (token: string, options: UnsubscribeOptions): string | undefined => {
  if (options.mailto === undefined) return undefined;
  const at = options.mailto.lastIndexOf('@');
  const local = `${options.mailto.slice(0, at)}+${token}`;
  return `mailto:${encodeURIComponent(local)}${options.mailto.slice(at)}?subject=unsubscribe`;
};
