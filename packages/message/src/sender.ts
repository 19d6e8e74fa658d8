/** The From mailbox of a message: checked, written, and its keys found once for all messages from it. */
import type { Mailbox } from '@millrace/schemas';
import type { DkimKey } from './dkim/dkim-key.ts';
import type { DkimKeyring } from './dkim/dkim-keyring.ts';
import { checkedAddress, mailboxField } from './header/mailbox-field.ts';

export interface Sender {
  /** The From field, with its CRLF. */
  readonly field: string;
  /** A-labels. */
  readonly domain: string;
  readonly needsSmtpUtf8: boolean;
  readonly keys: readonly DkimKey[];
}

/** Senders remembered; one that says a different name in each mail makes it start again. */
const maxSenders = 1_000;

export class SenderCache {
  readonly #keyring: DkimKeyring;
  readonly #senders = new Map<string, Sender>();

  constructor(keyring: DkimKeyring) {
    this.#keyring = keyring;
  }

  /** Throws ERR_MESSAGE_ADDRESS for a From that is no address. */
  of(from: Mailbox): Sender {
    const key = `${from.address}\n${from.name ?? ''}`;
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    const address = checkedAddress(from.address, 'From');
    const sender = {
      field: mailboxField('From', address, from.name),
      domain: address.ascii,
      needsSmtpUtf8: address.needsSmtpUtf8,
      keys: this.#keyring.keysFor(address.ascii),
    };
    if (this.#senders.size >= maxSenders) this.#senders.clear();
    this.#senders.set(key, sender);
    return sender;
  }
}
