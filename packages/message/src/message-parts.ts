/** What a message is made of, whatever its content: a task's own parts, checked once. */
import { type Address, isMessageId, type MessageId } from '@millrace/core';
import type { DeliveryTask } from '@millrace/schemas';
import { checkedAddress } from './header/mailbox-field.ts';
import { MessageError } from './message-error.ts';
import type { MessageFacts } from './message-facts.ts';
import type { Sender } from './sender.ts';
import { unsubscribeUrl } from './unsubscribe.ts';
import { verpToken } from './verp.ts';

export interface MessageParts {
  readonly facts: MessageFacts;
  readonly task: DeliveryTask;
  readonly id: MessageId;
  readonly sender: Sender;
  readonly recipient: Address;
  /** Names the message in the return path and in an unsubscription by mail. */
  readonly token: string;
  /** The one-click link, made when it is first asked for; undefined when none is configured. */
  readonly unsubscribeUrl: () => string | undefined;
  /** The Date field, ms since the epoch. */
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

/** Throws MessageError for an id or an address that is none. `now`: ms since the epoch. */
export const messageParts = (facts: MessageFacts, task: DeliveryTask, now: number): MessageParts => {
  const id = checkedId(task.message_id);
  let link: string | undefined;
  return {
    facts,
    task,
    id,
    sender: facts.senders.of(task.mail_from),
    recipient: checkedAddress(task.recipient, 'Recipient'),
    token: verpToken(id, task, facts.returnPathSecret),
    unsubscribeUrl: () => {
      if (facts.unsubscribe === undefined) return undefined;
      const { options, keys } = facts.unsubscribe;
      const { tenant, recipient, campaign, category: list } = task;
      link ??= unsubscribeUrl({ messageId: id, tenant, recipient, campaign, list }, options, keys);
      return link;
    },
    date: dateOf(task, now),
  };
};
