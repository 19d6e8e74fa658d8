/** Contents with attachments, which nodemailer makes into MIME: rare enough not to be ours. */
import type { Composed } from '@millrace/schemas';
import MailComposer from 'nodemailer/lib/mail-composer';
import { oneLine } from '../header/header-field.ts';
import { rawFields } from '../header/raw-header.ts';
import { withCrlf } from './line-ends.ts';

/** Fields that describe the body; all others of what nodemailer makes are left out, Millrace writes them. */
const describesBody = (name: string): boolean => name === 'mime-version' || name.startsWith('content-');

/** MIME fields, the empty line and the body. `boundarySeed`: the same seed makes the same bytes. */
export const attachmentEntity = async (content: Composed, boundarySeed: string): Promise<Buffer> => {
  const composer = new MailComposer({
    ...(content.text === null ? {} : { text: content.text }),
    ...(content.html === null ? {} : { html: content.html }),
    attachments: content.attachments.map((attachment) => ({
      filename: oneLine(attachment.filename),
      contentType: attachment.content_type,
      content: attachment.content,
      ...(attachment.content_id === null
        ? {}
        : { cid: attachment.content_id, contentDisposition: 'inline' as const }),
    })),
    baseBoundary: boundarySeed,
    // Contents are bytes; a path or a URL in one must never be read.
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'windows',
  });
  const message = withCrlf(await composer.compile().build());
  const fields = rawFields(message);
  const body = message.subarray(fields.at(-1)?.end ?? 0);
  return Buffer.concat([
    ...fields.filter(({ name }) => describesBody(name)).map(({ start, end }) => message.subarray(start, end)),
    body,
  ]);
};
