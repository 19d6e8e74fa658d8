/** Cuts a request into records that Kafka takes: the content in each of them, the recipients shared out. */
import type { Recipient, SendRequest } from '@millrace/schemas';

const recipientBytes = (recipient: Recipient): number =>
  64 + recipient.address.length + (recipient.name?.length ?? 0) + (recipient.variables?.length ?? 0);

/**
 * One record when the recipients with their variables take less than `maxRecipientBytes`, else several.
 * Lengths are counted in UTF-16 units, three bytes at the most each: leave room.
 */
export const splitRequest = (request: SendRequest, maxRecipientBytes: number): readonly SendRequest[] => {
  const parts: Recipient[][] = [];
  let part: Recipient[] = [];
  let bytes = 0;
  for (const recipient of request.recipients) {
    const size = recipientBytes(recipient);
    if (part.length > 0 && bytes + size > maxRecipientBytes) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(recipient);
    bytes += size;
  }
  if (parts.length === 0) return [request];
  return [...parts, part].map((recipients) => ({ ...request, recipients }));
};
