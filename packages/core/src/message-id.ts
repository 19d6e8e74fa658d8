/** UUIDv7 (RFC 9562 5.7): 48 bits of time, then 74 bits that are random, or derived where a retry must find the same id. */
import { hash, randomFillSync } from 'node:crypto';
import type { MessageId } from './ids.ts';

const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text is a message id in its one spelling: UUIDv7, lower case, hyphens. */
export const isMessageId = (text: string): text is MessageId => form.test(text);

/** Fills its argument with random bytes. */
export type RandomFill = (bytes: Buffer) => unknown;

const variantDigits = '89ab';

const assemble = (timestampMs: number, hex: string): MessageId => {
  const time = Math.max(0, Math.trunc(timestampMs)).toString(16).padStart(12, '0').slice(-12);
  const variant = variantDigits.charAt(Number.parseInt(hex.charAt(3), 16) & 3);
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`;
  if (!isMessageId(id)) throw new RangeError(`no message id for the time ${timestampMs}`);
  return id;
};

const poolBytes = 4_096;
const pool = Buffer.allocUnsafeSlow(poolBytes);
let unused = poolBytes;

/** Random bytes from a pool: asking the generator for a few bytes costs as much as for thousands. None is given twice. */
const pooledRandom: RandomFill = (bytes) => {
  if (unused + bytes.length > poolBytes) {
    randomFillSync(pool);
    unused = 0;
  }
  pool.copy(bytes, 0, unused, unused + bytes.length);
  unused += bytes.length;
};

/** A fresh id. `now`: ms since the epoch. */
export const newMessageId = (now: number, random: RandomFill = pooledRandom): MessageId => {
  const bytes = Buffer.allocUnsafe(10);
  random(bytes);
  return assemble(now, bytes.toString('hex'));
};

/**
 * The same id for the same time and seed, in every process: a request that is read twice from Kafka becomes the same
 * messages. The seed names the place: topic, partition, offset, recipient's index.
 */
export const deriveMessageId = (timestampMs: number, seed: string): MessageId =>
  assemble(timestampMs, hash('sha256', seed, 'hex'));

/** The 16 bytes of an id, for the journal's members and VERP addresses. */
export const messageIdBytes = (id: MessageId): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

/** The id of 16 bytes, or undefined when they are not a UUIDv7. */
export const messageIdFromBytes = (bytes: Uint8Array): MessageId | undefined => {
  if (bytes.length !== 16) return undefined;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return isMessageId(id) ? id : undefined;
};

/** When the id was made, ms since the epoch. */
export const messageIdTime = (id: MessageId): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
