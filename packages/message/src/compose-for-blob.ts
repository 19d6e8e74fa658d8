/** Content that is too large for a record, made into one message that is the same for all its recipients. */
import { isReservedHeader } from '@millrace/core';
import type { SendRequest } from '@millrace/schemas';
import { textField } from './header/header-field.ts';
import { checkedAddress, mailboxField } from './header/mailbox-field.ts';
import { isRemovedField } from './header/removed-fields.ts';
import { MessageError } from './message-error.ts';
import { attachmentEntity } from './mime/attachment-entity.ts';

/**
 * From, Subject, Reply-To, the request's own fields and the body. To, Date, Message-ID and what else is the recipient's own
 * are added on delivery, as to any message that lacks them. Rejects with MessageError.
 */
export const composeForBlob = async (request: SendRequest): Promise<Buffer> => {
  const { composed } = request;
  if (composed === null)
    throw new MessageError('ERR_MESSAGE_NO_CONTENT', 'The request has no composed content.');
  const { address, name } = request.mail_from;
  const replyTo = request.reply_to;
  const header =
    mailboxField('From', checkedAddress(address, 'From'), name) +
    textField('Subject', composed.subject) +
    (replyTo === null ? '' : mailboxField('Reply-To', checkedAddress(replyTo, 'Reply-To'), null)) +
    request.headers
      .filter((field) => !isReservedHeader(field.name) && !isRemovedField(field.name.toLowerCase()))
      .map((field) => textField(field.name, field.value, true))
      .join('');
  const seed = request.recipients[0]?.message_id ?? request.request_id;
  return Buffer.concat([Buffer.from(header, 'utf8'), await attachmentEntity(composed, seed)]);
};
