/** From a delivery task to the bytes that an SMTP server gets. */
import { type Address, envelopeAddress, isMessageId, type MessageId } from '@millrace/core';
import type { DeliveryTask } from '@millrace/schemas';
import { signDkim } from './dkim/sign-dkim.ts';
import { checkedAddress } from './header/mailbox-field.ts';
import { MessageError } from './message-error.ts';
import type { MessageFacts } from './message-facts.ts';
import { hasEightBit } from './mime/line-ends.ts';
import { rawMessage } from './raw-message.ts';
import type { Sender } from './sender.ts';
import type { CompiledTemplate } from './template/template-renderer.ts';
import { unsubscribeUrl } from './unsubscribe.ts';
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
}

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

/** A task whose parts were checked, and what is known of it by then. */
export interface MessageParts {
  readonly facts: MessageFacts;
  readonly task: DeliveryTask;
  readonly id: MessageId;
  readonly sender: Sender;
  readonly recipient: Address;
  /** One-click link; undefined when none is configured. */
  readonly unsubscribeUrl: () => string | undefined;
  /** ms since the epoch: the Date field. */
  readonly date: number;
}

const checkedId = (text: string): MessageId => {
  if (isMessageId(text)) return text;
  throw new MessageError('ERR_MESSAGE_ID', `"${text.slice(0, 80)}" is not a UUIDv7.`);
};

/** When the message was complete and ready to be delivered (RFC 5322 3.6.1): the same at each attempt. */
const dateOf = (task: DeliveryTask, now: number): number => {
  const ready = Math.max(task.accepted_at, task.send_at ?? 0);
  return ready > 0 ? ready : now;
};

const partsOf = (facts: MessageFacts, task: DeliveryTask, now: number): MessageParts => {
  const id = checkedId(task.message_id);
  let link: string | undefined;
  return {
    facts,
    task,
    id,
    sender: facts.senders.of(task.mail_from),
    recipient: checkedAddress(task.recipient, 'Recipient'),
    unsubscribeUrl: () => {
      if (facts.unsubscribe === undefined) return undefined;
      const { options, keys } = facts.unsubscribe;
      const { tenant, recipient, campaign } = task;
      link ??= unsubscribeUrl({ messageId: id, tenant, recipient, campaign }, options, keys);
      return link;
    },
    date: dateOf(task, now),
  };
};

const noContent = (what: string): MessageError => new MessageError('ERR_MESSAGE_NO_CONTENT', what);

const messageOf = (parts: MessageParts, preparation: Preparation): Buffer | Promise<Buffer> => {
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

/**
 * Makes and signs one message. The same task gives the same bytes at each attempt, the signature's time apart. Rejects
 * with MessageError or TemplateError when no message can be made of it; both are final.
 */
export const prepareMessage = async (
  facts: MessageFacts,
  task: DeliveryTask,
  preparation: Preparation,
): Promise<PreparedMessage> => {
  const parts = partsOf(facts, task, preparation.now);
  const { id, sender, recipient } = parts;
  const message = await messageOf(parts, preparation);
  const signatures = await signDkim(message, sender.keys, { now: preparation.now });
  return {
    envelope: {
      mailFrom: verpAddress(id, facts.returnPathDomain ?? sender.domain, facts.returnPathSecret),
      rcptTo: envelopeAddress(recipient),
    },
    smtpUtf8: recipient.needsSmtpUtf8 || sender.needsSmtpUtf8,
    eightBit: hasEightBit(message),
    data: Buffer.concat([signatures, message]),
  };
};
