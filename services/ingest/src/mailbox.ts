/** Mailboxes as people and header fields write them: `Name <address>` (RFC 5322 3.4). */
import type { Mailbox } from '@millrace/schemas';
import addressparser from 'nodemailer/lib/addressparser';

/** Splits `Name <address>` or a bare address. The address is not checked here. */
export const splitMailbox = (text: string): Mailbox => {
  if (!text.includes('<') && !text.includes('(') && !text.includes('"')) {
    return { address: text.trim(), name: null };
  }
  const [first] = addressparser(text, { flatten: true });
  // What the parser makes nothing of goes on as it is, for the address check to say what is wrong with it.
  if (first === undefined || first.address === '') return { address: text.trim(), name: null };
  return { address: first.address, name: first.name === '' ? null : first.name };
};

/** Mailboxes of an address-list header field, groups opened. */
export const mailboxesOf = (headerValue: string): readonly Mailbox[] =>
  addressparser(headerValue, { flatten: true })
    .filter(({ address }) => address !== '')
    .map(({ address, name }) => ({ address, name: name === '' ? null : name }));
