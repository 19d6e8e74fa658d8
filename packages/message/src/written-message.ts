/** Messages that Millrace writes itself, every field of them: from a template, from composed content. */
import { isReservedHeader, messageIdBytes } from '@millrace/core';
import type { Composed, Header } from '@millrace/schemas';
import { encodeBase32 } from './base32.ts';
import { feedbackId } from './feedback-id.ts';
import { dateTime, textField, tokenField } from './header/header-field.ts';
import { checkedAddress, mailboxField } from './header/mailbox-field.ts';
import { isRemovedField } from './header/removed-fields.ts';
import type { MessageContent, WrittenMessage } from './message-content.ts';
import { MessageError } from './message-error.ts';
import type { MessageParts } from './message-parts.ts';
import { attachmentEntity } from './mime/attachment-entity.ts';
import { quotedPrintable } from './mime/quoted-printable.ts';
import { type TextBody, textEntity } from './mime/text-entity.ts';
import type { Variables } from './template/part-renderer.ts';
import type { CompiledTemplate } from './template/template-renderer.ts';
import { unsubscribeMailto } from './unsubscribe.ts';

export const messageIdField = ({ id, sender }: MessageParts): string =>
  `Message-ID: <${id}@${sender.domain}>\r\n`;
export const dateField = ({ date }: MessageParts): string => `Date: ${dateTime(date)}\r\n`;
export const toField = ({ recipient, task }: MessageParts): string =>
  mailboxField('To', recipient, task.recipient_name);
export const feedbackIdField = ({ task, facts }: MessageParts): string =>
  tokenField('Feedback-ID', [feedbackId(task, facts.feedbackIdSender)]);

/** List-Unsubscribe and, for a link, List-Unsubscribe-Post (RFC 2369, RFC 8058); empty when nothing is configured. */
export const unsubscribeFields = (parts: MessageParts): string => {
  const { unsubscribe } = parts.facts;
  if (unsubscribe === undefined) return '';
  const url = parts.unsubscribeUrl();
  const mailto = unsubscribeMailto(parts.token, unsubscribe.options);
  const ways: string[] = [];
  if (url !== undefined) ways.push(`<${url}>`);
  if (mailto !== undefined) ways.push(`<${mailto}>`);
  if (ways.length === 0) return '';
  const oneClick = url === undefined ? '' : 'List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';
  return tokenField('List-Unsubscribe', ways, ', ') + oneClick;
};

/** Fields of the request's or the template's own. Throws ERR_MESSAGE_HEADER for a name that is Millrace's. */
const customFields = (headers: readonly Header[]): string => {
  let text = '';
  for (const { name, value } of headers) {
    if (isReservedHeader(name))
      throw new MessageError('ERR_MESSAGE_HEADER', `The header field ${name} is written by Millrace.`);
    if (!isRemovedField(name.toLowerCase())) text += textField(name, value, true);
  }
  return text;
};

const named = (headers: readonly Header[], lowerName: string): boolean =>
  headers.some(({ name }) => name.toLowerCase() === lowerName);

/** The request's fields, and those of the template that the request does not name. */
const mergedHeaders = (own: readonly Header[], template: readonly Header[]): readonly Header[] =>
  template.length === 0 ? own : [...own, ...template.filter(({ name }) => !named(own, name.toLowerCase()))];

/** Every field but those of MIME. */
const headerOf = (parts: MessageParts, subject: string, headers: readonly Header[]): string => {
  const { task, sender } = parts;
  const replyTo =
    task.reply_to === null ? '' : mailboxField('Reply-To', checkedAddress(task.reply_to, 'Reply-To'), null);
  const unsubscribe =
    task.stream === 'batch' && !named(headers, 'list-unsubscribe') ? unsubscribeFields(parts) : '';
  return (
    sender.field +
    toField(parts) +
    textField('Subject', subject) +
    dateField(parts) +
    messageIdField(parts) +
    replyTo +
    unsubscribe +
    feedbackIdField(parts) +
    customFields(headers)
  );
};

/** Unique to the message; `=_` never occurs in quoted-printable text (RFC 2045 6.7). */
const boundaryOf = ({ id }: MessageParts): string => `=_${encodeBase32(messageIdBytes(id))}`;

const textMessage = (parts: MessageParts, header: string, content: TextBody): WrittenMessage => {
  const entity = textEntity(content, boundaryOf(parts));
  return {
    kind: 'written',
    header: header + entity.header,
    body: entity.body,
    canonicalBody: entity.canonicalBody,
  };
};

/** What a template sees: the request's and the recipient's variables, and `millrace`, which is the message's own. */
const variablesOf = (parts: MessageParts): Variables => {
  const { task } = parts;
  const millrace = {
    message_id: parts.id,
    recipient: task.recipient,
    /** Made when the template asks for it. */
    get unsubscribe_url(): string {
      return parts.unsubscribeUrl() ?? '';
    },
  };
  if (task.variables === null) return { millrace };
  let parsed: unknown;
  try {
    parsed = JSON.parse(task.variables);
  } catch (cause) {
    throw new MessageError('ERR_MESSAGE_VARIABLES', 'The variables are not JSON.', { cause });
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new MessageError('ERR_MESSAGE_VARIABLES', 'The variables are not a JSON object.');
  }
  return { ...parsed, millrace };
};

/** Throws MessageError or TemplateError. */
export const templateMessage = (parts: MessageParts, template: CompiledTemplate): WrittenMessage => {
  const rendered = template.render(variablesOf(parts));
  return textMessage(
    parts,
    headerOf(parts, rendered.subject, mergedHeaders(parts.task.headers, rendered.headers)),
    rendered,
  );
};

const encoded = (text: string | null) => (text === null ? null : quotedPrintable(text));

/** Throws MessageError. */
export const composedMessage = async (parts: MessageParts, content: Composed): Promise<MessageContent> => {
  const header = headerOf(parts, content.subject, parts.task.headers);
  if (content.attachments.length === 0) {
    return textMessage(parts, header, { text: encoded(content.text), html: encoded(content.html) });
  }
  return { kind: 'raw', pieces: [Buffer.from(header, 'utf8'), await attachmentEntity(content, parts.id)] };
};
