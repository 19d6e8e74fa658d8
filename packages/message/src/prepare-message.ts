/** From a delivery task to the bytes that an SMTP server gets. */
import { isAscii } from 'node:buffer';
import { hash } from 'node:crypto';
import { envelopeAddress, type ReusedMemory } from '@millrace/core';
import type { DeliveryTask } from '@millrace/schemas';
import type { DkimKey } from './dkim/dkim-key.ts';
import { signatureFields, signDkim } from './dkim/sign-dkim.ts';
import type { MessageContent } from './message-content.ts';
import { MessageError } from './message-error.ts';
import type { MessageFacts } from './message-facts.ts';
import { type MessageParts, messageParts } from './message-parts.ts';
import { type Pieces, piecesLength, writePieces } from './mime/pieces.ts';
import { rawMessage } from './raw-message.ts';
import type { CompiledTemplate } from './template/template-renderer.ts';
import { verpAddress } from './verp.ts';
import { composedMessage, templateMessage } from './written-message.ts';

/** What a task names but does not hold. */
export interface Preparation {
  /** Of `task.template_id`, in the version that the task names. */
  readonly template?: CompiledTemplate | undefined;
  /** Content of `task.blob`. */
  readonly blob?: Buffer | undefined;
  /** ms since the epoch: the time of the signature. */
  readonly now: number;
  /** Where the mail's bytes are put. Absent: in memory of their own. */
  readonly memory?: Pick<ReusedMemory, 'take'>;
}

const ownMemory = { take: (bytes: number): Buffer => Buffer.allocUnsafe(bytes) };

/** Who it comes from and goes to on the wire; ASCII unless the message needs SMTPUTF8. */
export interface Envelope {
  /** VERP address, where a bounce goes: its local part names the message. */
  readonly mailFrom: string;
  readonly rcptTo: string;
}

/** A message that is ready to be sent. */
export interface PreparedMessage {
  readonly envelope: Envelope;
  /** An address is not ASCII: the receiving server must offer SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  /** The data is not ASCII: the receiving server must offer 8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
  /** The whole message: DKIM-Signature fields first, every line ended by CRLF, not dot-stuffed. */
  readonly data: Buffer;
}

const noContent = (what: string): MessageError => new MessageError('ERR_MESSAGE_NO_CONTENT', what);

const contentOf = (
  parts: MessageParts,
  preparation: Preparation,
): MessageContent | Promise<MessageContent> => {
  const { task } = parts;
  if (task.raw !== null) return rawMessage(parts, task.raw);
  if (task.blob !== null) {
    if (preparation.blob === undefined) throw noContent(`The content of blob ${task.blob} is not there.`);
    return rawMessage(parts, preparation.blob);
  }
  if (task.template_id !== null) {
    if (preparation.template !== undefined) return templateMessage(parts, preparation.template);
    throw noContent(`Template ${task.template_id}, version ${task.template_version ?? '?'}, is not there.`);
  }
  if (task.composed !== null) return composedMessage(parts, task.composed);
  throw noContent('The task has no content.');
};

const bytesOf = (pieces: Pieces): Buffer => {
  const bytes = Buffer.allocUnsafe(piecesLength(pieces));
  writePieces(pieces, bytes, 0);
  return bytes;
};

/** Bodies up to its size are put together in it to be hashed. */
const hashed = Buffer.allocUnsafe(262_144);

/** SHA-256, base64. */
const hashOf = (body: Pieces): string =>
  piecesLength(body) > hashed.length
    ? hash('sha256', bytesOf(body), 'base64')
    : hash('sha256', hashed.subarray(0, writePieces(body, hashed, 0)), 'base64');

/** Bytes kept free for a signature before a message: that of a key of 2,048 bits takes about 700. */
const signatureRoom = 1_024;

/** Puts the signatures before what stands in `bytes` behind `room`. */
const withSignatures = (signatures: string, bytes: Buffer, room: number): Buffer => {
  const start = room - signatures.length;
  if (start < 0) return Buffer.concat([Buffer.from(signatures, 'latin1'), bytes.subarray(room)]);
  bytes.write(signatures, start, 'latin1');
  return bytes.subarray(start);
};

/** The message with its signatures in front. */
const signed = async (
  content: MessageContent,
  keys: readonly DkimKey[],
  { now, memory = ownMemory }: Preparation,
): Promise<{ readonly data: Buffer; readonly eightBit: boolean }> => {
  switch (content.kind) {
    case 'raw': {
      const room = keys.length * signatureRoom;
      const bytes = memory.take(room + content.pieces.reduce((sum, { length }) => sum + length, 0));
      let at = room;
      for (const piece of content.pieces) at += piece.copy(bytes, at);
      const message = bytes.subarray(room);
      const eightBit = !isAscii(message);
      return { data: withSignatures(await signDkim(message, keys, { now }), bytes, room), eightBit };
    }
    case 'written': {
      const eightBit = !/^[\0-\x7f]*$/.test(content.header);
      const header = eightBit ? Buffer.from(content.header, 'utf8').toString('latin1') : content.header;
      const { body, canonicalBody } = content;
      const room = keys.length * signatureRoom;
      const bytes = memory.take(room + header.length + 2 + piecesLength(body));
      const bodyStart = writePieces([header, '\r\n'], bytes, room);
      writePieces(body, bytes, bodyStart);
      if (keys.length === 0) return { data: bytes, eightBit };
      const bodyHash =
        canonicalBody === body ? hash('sha256', bytes.subarray(bodyStart), 'base64') : hashOf(canonicalBody);
      const signatures = await signatureFields({ header, bodyHash }, keys, { now });
      return { data: withSignatures(signatures, bytes, room), eightBit };
    }
    default:
      return content satisfies never;
  }
};

/**
 * Makes and signs one message. The same task gives the same bytes at each attempt, the signature's time apart. Rejects
 * with MessageError or TemplateError when no message can be made of it; both are final.
 */
export const prepareMessage = async (
  facts: MessageFacts,
  task: DeliveryTask,
  preparation: Preparation,
): Promise<PreparedMessage> => {
  const parts = messageParts(facts, task, preparation.now);
  const { sender, recipient, token } = parts;
  const content = contentOf(parts, preparation);
  const { data, eightBit } = await signed(
    content instanceof Promise ? await content : content,
    sender.keys,
    preparation,
  );
  return {
    envelope: {
      mailFrom: verpAddress(token, facts.returnPathDomain ?? sender.domain),
      rcptTo: envelopeAddress(recipient),
    },
    smtpUtf8: recipient.needsSmtpUtf8 || sender.needsSmtpUtf8,
    eightBit,
    data,
  };
};
