/**
 * Messages that somebody else wrote: passed on byte for byte below the fields that are added on top. Taken out are Bcc,
 * Return-Path, X-Millrace fields and lines above the header that belong to a mailbox file; line ends that are not CRLF
 * become CRLF. Nothing else is touched, whatever is wrong with it.
 */

import { rawFields } from './header/raw-header.ts';
import { isRemovedField } from './header/removed-fields.ts';
import type { RawMessage } from './message-content.ts';
import type { MessageParts } from './message-parts.ts';
import { withCrlf } from './mime/line-ends.ts';
import { dateField, feedbackIdField, messageIdField, toField, unsubscribeFields } from './written-message.ts';

const crlf = Buffer.from('\r\n', 'latin1');

export const rawMessage = (parts: MessageParts, raw: Buffer): RawMessage => {
  const message = withCrlf(raw);
  const fields = rawFields(message);
  const present = new Set(fields.map(({ name }) => name));
  const addressed = present.has('to') || present.has('cc') || present.has('apparently-to');
  const added =
    (present.has('from') ? '' : parts.sender.field) +
    (addressed ? '' : toField(parts)) +
    (present.has('date') ? '' : dateField(parts)) +
    (present.has('message-id') ? '' : messageIdField(parts)) +
    (present.has('list-unsubscribe') || parts.task.stream !== 'batch' ? '' : unsubscribeFields(parts)) +
    (present.has('feedback-id') ? '' : feedbackIdField(parts));
  const pieces: Buffer[] = [Buffer.from(added, 'utf8')];
  let from = 0;
  fields.forEach(({ name, start, end }, index) => {
    const mailboxLine =
      index === 0 &&
      message
        .toString('latin1', start, start + 6)
        .replace('>', '')
        .startsWith('From ');
    if (!mailboxLine && !isRemovedField(name)) return;
    pieces.push(message.subarray(from, start));
    from = end;
  });
  pieces.push(message.subarray(from));
  const headerEnd = fields.at(-1)?.end ?? 0;
  // A message of a header alone: its body is empty, but the line that ends the header belongs there.
  if (headerEnd === message.length) pieces.push(crlf);
  return { kind: 'raw', pieces };
};
