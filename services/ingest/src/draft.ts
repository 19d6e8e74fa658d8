/** From a request's body to the record that Kafka will hold. */
import { type MessageId, parseAddress, type ReusedMemory } from '@millrace/core';
import type { Attachment, Composed, Header, Mailbox, Recipient, SendRequest } from '@millrace/schemas';
import { decodeBase64 } from './base64.ts';
import { mailboxesOf, splitMailbox } from './mailbox.ts';
import { parseMoment } from './moment.ts';
import type { FieldError } from './problem.ts';
import { fieldsNamed, fieldText, headerFields, withCrlf } from './raw-message.ts';
import type { SendBody } from './send-body.ts';

/** Where a request came from and what it is called. */
export interface Origin {
  readonly tenant: string;
  readonly via: 'http' | 'smtp';
  readonly requestId: string;
  /** ms since the epoch. */
  readonly acceptedAt: number;
  readonly idempotencyKey: string | null;
  /** Id of the message to the n-th recipient. */
  messageId(index: number): MessageId;
}

/** A whole message that came as bytes: every line ends with CRLF, and `from` is the one mailbox of its From field. */
export interface WholeMessage {
  readonly raw: Buffer;
  readonly from: Mailbox;
}

/** A record ready to be checked, or what is wrong with the body that it was made from. */
export type Drafted =
  | { readonly kind: 'ok'; readonly request: SendRequest }
  | { readonly kind: 'wrong'; readonly errors: readonly FieldError[] };

type Content = Pick<SendRequest, 'raw' | 'composed' | 'template_id' | 'template_version'> & {
  /** The From: of a raw message. */
  readonly rawFrom: Mailbox | undefined;
};

type Report = (field: string, message: string) => void;

const none: Content = {
  raw: null,
  composed: null,
  template_id: null,
  template_version: null,
  rawFrom: undefined,
};

const attachmentsOf = (body: SendBody, report: Report): readonly Attachment[] =>
  (body.attachments ?? []).map((attachment, index) => {
    const content = decodeBase64(attachment.content);
    if (content === undefined) report(`attachments[${index}].content`, 'is not base64');
    return {
      filename: attachment.filename,
      content_type: attachment.content_type ?? 'application/octet-stream',
      content: content ?? Buffer.alloc(0),
      content_id: attachment.content_id ?? null,
    };
  });

const composedOf = (body: SendBody, report: Report): Composed => {
  if (body.subject === undefined) report('subject', 'is required');
  if (body.text === undefined && body.html === undefined) report('text', 'text, html or both are required');
  return {
    subject: body.subject ?? '',
    text: body.text ?? null,
    html: body.html ?? null,
    attachments: attachmentsOf(body, report),
  };
};

/** The one mailbox of a raw message's From field. */
const fromOf = (raw: Buffer, field: string, report: Report): Mailbox | undefined => {
  const [from, ...more] = fieldsNamed(headerFields(raw), 'from');
  if (from === undefined) {
    report(field, 'has no From: header field');
    return undefined;
  }
  const mailboxes = mailboxesOf(fieldText(from));
  const [mailbox] = mailboxes;
  if (mailbox === undefined || mailboxes.length > 1 || more.length > 0) {
    report(field, 'must have one From: header field with one address');
    return undefined;
  }
  return mailbox;
};

const utf8In = (memory: ReusedMemory, text: string): Buffer => {
  const bytes = memory.take(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
};

const rawOf = (body: SendBody, report: Report, memory: ReusedMemory): Content => {
  const field = body.raw === undefined ? 'raw_base64' : 'raw';
  const bytes = body.raw === undefined ? decodeBase64(body.raw_base64 ?? '') : utf8In(memory, body.raw);
  if (bytes === undefined) {
    report(field, 'is not base64');
    return none;
  }
  const raw = withCrlf(bytes);
  return { ...none, raw, rawFrom: fromOf(raw, field, report) };
};

const contentOf = (
  body: SendBody,
  message: WholeMessage | undefined,
  report: Report,
  memory: ReusedMemory,
): Content => {
  if (message !== undefined) return { ...none, raw: message.raw, rawFrom: message.from };
  const isRaw = body.raw !== undefined || body.raw_base64 !== undefined;
  const composedFields = (['subject', 'text', 'html', 'attachments'] as const).filter(
    (name) => body[name] !== undefined,
  );
  if (body.raw !== undefined && body.raw_base64 !== undefined) {
    report('raw_base64', 'give raw or raw_base64, not both');
    return none;
  }
  if (isRaw && body.template !== undefined) {
    report('template', 'cannot go with raw: give one content');
    return none;
  }
  if (isRaw || body.template !== undefined) {
    for (const name of composedFields) {
      report(name, `cannot go with ${isRaw ? 'raw' : 'template'}: give one content`);
    }
  }
  if (body.template === undefined && body.variables !== undefined) report('variables', 'needs a template');
  if (isRaw) return rawOf(body, report, memory);
  if (body.template === undefined) return { ...none, composed: composedOf(body, report) };
  const template = typeof body.template === 'string' ? { id: body.template } : body.template;
  return { ...none, template_id: template.id, template_version: template.version ?? null };
};

const senderOf = (body: SendBody, content: Content, report: Report): Mailbox => {
  const given =
    body.from === undefined
      ? undefined
      : typeof body.from === 'string'
        ? splitMailbox(body.from)
        : { address: body.from.address.trim(), name: body.from.name ?? null };
  if (content.rawFrom !== undefined) {
    if (given !== undefined && given.address.toLowerCase() !== content.rawFrom.address.toLowerCase()) {
      report('from', `differs from the From: of the raw message, ${content.rawFrom.address}; leave it out`);
    }
    return content.rawFrom;
  }
  if (given === undefined && content.raw === null) report('from', 'is required');
  return given ?? { address: '', name: null };
};

const recipientsOf = (body: SendBody, origin: Origin, report: Report): readonly Recipient[] =>
  body.to.map((to, index) => {
    const message_id = origin.messageId(index);
    if (typeof to === 'string') return { message_id, ...splitMailbox(to), variables: null };
    if (to.variables !== undefined && body.template === undefined) {
      report(`to[${index}].variables`, 'needs a template');
    }
    return {
      message_id,
      address: to.address.trim(),
      name: to.name ?? null,
      variables: to.variables === undefined ? null : JSON.stringify(to.variables),
    };
  });

const momentOf = (field: string, value: number | string | undefined, report: Report): number | null => {
  if (value === undefined) return null;
  const moment = parseMoment(value);
  if (moment === undefined) report(field, 'is not an RFC 3339 date-time such as 2030-01-31T09:00:00Z');
  return moment ?? null;
};

const headersOf = (body: SendBody): readonly Header[] =>
  body.headers === undefined ? [] : Object.entries(body.headers).map(([name, value]) => ({ name, value }));

const replyToOf = (body: SendBody, report: Report): string | null => {
  if (body.reply_to === undefined) return null;
  const { address } = splitMailbox(body.reply_to);
  const parsed = parseAddress(address);
  if (parsed.kind === 'problem') report('reply_to', parsed.text);
  return address;
};

/**
 * Makes the record of a body that holds to its schema; what only the configuration can tell is checked later.
 * `message`: in place of the body's content. `memory`: what a whole message in the body is put into.
 */
export const draftRequest = (
  body: SendBody,
  origin: Origin,
  message: WholeMessage | undefined,
  memory: ReusedMemory,
): Drafted => {
  const errors: FieldError[] = [];
  const report: Report = (field, message) => errors.push({ field, message });
  const content = contentOf(body, message, report, memory);
  const request: SendRequest = {
    request_id: origin.requestId,
    tenant: origin.tenant,
    idempotency_key: origin.idempotencyKey,
    accepted_at: origin.acceptedAt,
    via: origin.via,
    stream: body.stream ?? null,
    category: body.category ?? null,
    campaign: body.campaign ?? null,
    mail_from: senderOf(body, content, report),
    recipients: recipientsOf(body, origin, report),
    raw: content.raw,
    blob: null,
    template_id: content.template_id,
    template_version: content.template_version,
    variables: body.variables === undefined ? null : JSON.stringify(body.variables),
    composed: content.composed,
    headers: headersOf(body),
    reply_to: replyToOf(body, report),
    tags: body.tags ?? [],
    metadata: body.metadata ?? {},
    send_at: momentOf('send_at', body.send_at, report),
    expires_at: momentOf('expires_at', body.expires_at, report),
    pool: body.pool ?? null,
    guarantee: body.guarantee ?? 'at_least_once',
    routing_attempts: 0,
  };
  return errors.length > 0 ? { kind: 'wrong', errors } : { kind: 'ok', request };
};
