/**
 * Variable envelope return path: each message has an envelope sender of its own, `b+<token>@<domain>`, so that a bounce
 * names its message however little of it comes back. The token is the message id in base32 (26 letters); where there is a
 * secret, 8 letters of an HMAC of tenant and recipient follow, by which a report's address is known to be the message's
 * own, and 10 of an HMAC of both: 50 bits that keep strangers from inventing bounces.
 */
import { timingSafeEqual } from 'node:crypto';
import { type MessageId, messageIdBytes, messageIdFromBytes } from '@millrace/core';
import { decodeBase32, encodeBase32 } from './base32.ts';
import { HmacKey } from './hmac.ts';

const idLetters = 26;
const tagLetters = 8;
const proofLetters = 10;
const form = /^b\+([a-z2-7]{26})([a-z2-7]{18})?@/i;

/** Whom a message went to. */
export interface VerpRecipient {
  readonly tenant: string;
  /** As the task has it; compared without regard to case. */
  readonly recipient: string;
}

/** The key of the secret that was used last: a process has one. */
let last = { secret: '', key: new HmacKey('') };
const keyOf = (secret: string): HmacKey => {
  if (last.secret !== secret) last = { secret, key: new HmacKey(secret) };
  return last.key;
};

const letters = (secret: string, content: string | Uint8Array, count: number): string =>
  encodeBase32(keyOf(secret).digest(content).subarray(0, 7)).slice(0, count);

const tagOf = ({ tenant, recipient }: VerpRecipient, secret: string): string =>
  letters(secret, `verp-recipient:${tenant}\0${recipient.toLowerCase()}`, tagLetters);

const proofOf = (id: Uint8Array, tag: string, secret: string): string =>
  letters(secret, Buffer.concat([Buffer.from(`verp:${tag}:`, 'latin1'), id]), proofLetters);

/** The token alone: what also goes into the `+` part of an unsubscribe address. `secret` undefined: without proof. */
export const verpToken = (id: MessageId, to: VerpRecipient, secret: string | undefined): string => {
  const bytes = messageIdBytes(id);
  if (secret === undefined) return encodeBase32(bytes);
  const tag = tagOf(to, secret);
  return encodeBase32(bytes) + tag + proofOf(bytes, tag, secret);
};

/** The envelope sender of a token's message. `domain`: A-labels. */
export const verpAddress = (token: string, domain: string): string => `b+${token}@${domain}`;

const equal = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1'));

/** The message id of a token, or undefined when it is none, or its proof is missing or wrong. */
export const readVerpToken = (token: string, secret: string | undefined): MessageId | undefined => {
  const bytes = decodeBase32(token.slice(0, idLetters));
  const id = bytes === undefined ? undefined : messageIdFromBytes(bytes);
  if (bytes === undefined || id === undefined || secret === undefined) return id;
  const tag = token.slice(idLetters, idLetters + tagLetters).toLowerCase();
  const proof = token.slice(idLetters + tagLetters).toLowerCase();
  return equal(proof, proofOf(bytes, tag, secret)) ? id : undefined;
};

/** Whether the message of a token, which was read before, went to this recipient. */
export const verpNames = (token: string, to: VerpRecipient, secret: string): boolean =>
  equal(token.slice(idLetters, idLetters + tagLetters).toLowerCase(), tagOf(to, secret));

/** The token in a bounce's recipient address; undefined for an address of another form. */
export const verpTokenOf = (address: string): string | undefined => {
  const [, id, rest = ''] = form.exec(address) ?? [];
  return id === undefined ? undefined : id + rest;
};

/** The message that a bounce's recipient address names. A wrong or missing proof is no message when there is a secret. */
export const readVerp = (address: string, secret: string | undefined): MessageId | undefined => {
  const token = verpTokenOf(address);
  return token === undefined ? undefined : readVerpToken(token, secret);
};
