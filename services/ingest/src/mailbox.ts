/** Mailboxes as people and header fields write them: `Name <address>` (RFC 5322 3.4). */
import type { Mailbox } from '@millrace/schemas';
import addressparser from 'nodemailer/lib/addressparser';

/** Words that need no quotes, or none, and an address in angle brackets: as nearly all are. The parser takes 15 microseconds. */
const plainForm =
  /^(?:([\w!#$%&'*+/=?^`{|}~.-]+(?: [\w!#$%&'*+/=?^`{|}~.-]+)*) )?<([\w!#$%&'*+/=?^`{|}~.-]+@[\w.-]+)>$/;

const plainMailbox = (text: string): Mailbox | undefined => {
  const [, name = null, address] = plainForm.exec(text) ?? [];
  return address === undefined ? undefined : { address, name };
};

/** Splits `Name <address>` or a bare address. The address is not checked here. */
export const splitMailbox = (text: string): Mailbox => {
  if (!text.includes('<') && !text.includes('(') && !text.includes('"')) {
    return { address: text.trim(), name: null };
  }
  const plain = plainMailbox(text);
  if (plain !== undefined) return plain;
  const [first] = addressparser(text, { flatten: true });
  // What the parser makes nothing of goes on as it is, for the address check to say what is wrong with it.
  if (first === undefined || first.address === '') return { address: text.trim(), name: null };
  return { address: first.address, name: first.name === '' ? null : first.name };
};

/** Mailboxes of an address-list header field, groups opened. */
export const mailboxesOf = (headerValue: string): readonly Mailbox[] => {
  const plain = plainMailbox(headerValue);
  if (plain !== undefined) return [plain];
  return addressparser(headerValue, { flatten: true })
    .filter(({ address }) => address !== '')
    .map(({ address, name }) => ({ address, name: name === '' ? null : name }));
};
