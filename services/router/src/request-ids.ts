/** Ids of requests and messages: those that the producer gave, else the same whenever this record is read again. */
import { deriveMessageId, isMessageId, type MessageId } from '@millrace/core';
import type { Held } from '@millrace/kafka';
import type { Recipient, SendRequest } from '@millrace/schemas';

const place = (held: Held<SendRequest>): string => `${held.topic}:${held.partition}:${held.offset}`;

/** The producer's, else derived. */
export const requestIdOf = (held: Held<SendRequest>): string =>
  held.value.request_id === '' ? deriveMessageId(held.timestamp, place(held)) : held.value.request_id;

/** Of the recipient at this index, from the record's place alone. */
export const derivedId = (held: Held<SendRequest>, index: number): MessageId =>
  deriveMessageId(held.timestamp, `${place(held)}:${index}`);

/** The producer's, else derived. */
export const messageIdOf = (
  held: Held<SendRequest>,
  recipient: Recipient | undefined,
  index: number,
): MessageId => {
  const given = recipient?.message_id ?? null;
  return given !== null && isMessageId(given) ? given : derivedId(held, index);
};
