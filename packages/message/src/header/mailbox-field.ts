/** Fields that name a mailbox: From, To, Reply-To (RFC 5322 3.6.2, 3.6.3), internationalised by RFC 6532. */
import { type Address, envelopeAddress, parseAddress } from '@millrace/core';
import { MessageError } from '../message-error.ts';
import { oneLine, phrase } from './header-field.ts';

/** A mailbox of the task, checked. Throws ERR_MESSAGE_ADDRESS that says whose it is. */
export const checkedAddress = (text: string, whose: string): Address => {
  const address = parseAddress(text);
  if (address.kind === 'address') return address;
  throw new MessageError('ERR_MESSAGE_ADDRESS', `${whose}: ${address.text}`);
};

/**
 * One field with its CRLF. The domain is written as A-labels, so that only a local part beyond ASCII needs SMTPUTF8
 * (`address.needsSmtpUtf8`); the field is not ASCII then.
 */
export const mailboxField = (name: string, address: Address, displayName: string | null): string => {
  const spec = envelopeAddress(address);
  const shown =
    displayName === null || oneLine(displayName) === '' ? undefined : phrase(displayName, name.length + 2);
  if (shown === undefined) return `${name}: ${spec}\r\n`;
  const lastLine =
    shown.length - (shown.lastIndexOf('\n') + 1) + (shown.includes('\n') ? 0 : name.length + 2);
  return `${name}: ${shown}${lastLine + spec.length + 3 > 78 ? '\r\n ' : ' '}<${spec}>\r\n`;
};
