/**
 * Variable envelope return path: each message has an envelope sender of its own, `b+<token>@<domain>`, so that a bounce
 * names its message however little of it comes back. The token is the message id in base32 (26 letters), followed by
 * 10 letters of an HMAC when there is a secret: 50 bits that keep strangers from inventing bounces.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type MessageId, messageIdBytes, messageIdFromBytes } from '@millrace/core';
import { decodeBase32, encodeBase32 } from './base32.ts';

const idLetters = 26;
const proofLetters = 10;
const form = /^b\+([a-z2-7]{26})([a-z2-7]{10})?@/i;

const proofOf = (id: Uint8Array, secret: string): string =>
  encodeBase32(createHmac('sha256', secret).update('verp:').update(id).digest().subarray(0, 7)).slice(
    0,
    proofLetters,
  );

/** The token alone: what also goes into the `+` part of an unsubscribe address. `secret` undefined: without proof. */
export const verpToken = (id: MessageId, secret: string | undefined): string => {
  const bytes = messageIdBytes(id);
  return secret === undefined ? encodeBase32(bytes) : encodeBase32(bytes) + proofOf(bytes, secret);
};

/** The envelope sender of a token's message. `domain`: A-labels. */
export const verpAddress = (token: string, domain: string): string => `b+${token}@${domain}`;

/** The message id of a token, or undefined when it is none, or its proof is missing or wrong. */
export const readVerpToken = (token: string, secret: string | undefined): MessageId | undefined => {
  const bytes = decodeBase32(token.slice(0, idLetters));
  const id = bytes === undefined ? undefined : messageIdFromBytes(bytes);
  if (bytes === undefined || id === undefined) return undefined;
  const proof = token.slice(idLetters).toLowerCase();
  if (secret === undefined) return id;
  if (proof.length !== proofLetters) return undefined;
  return timingSafeEqual(Buffer.from(proof, 'latin1'), Buffer.from(proofOf(bytes, secret), 'latin1'))
    ? id
    : undefined;
};

/** The message that a bounce's recipient address names. A wrong or missing proof is no message when there is a secret. */
export const readVerp = (address: string, secret: string | undefined): MessageId | undefined => {
  const [, id = '', proof = ''] = form.exec(address) ?? [];
  return id === '' ? undefined : readVerpToken(id + proof, secret);
};
