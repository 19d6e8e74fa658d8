/** Mailboxes: the addr-spec of RFC 5321 4.1.2 and RFC 5322 3.4.1, internationalised by RFC 6531 and IDNA. */
import { domainToASCII } from 'node:url';

/** A mailbox that can be written into an SMTP envelope. */
export interface Address {
  readonly kind: 'address';
  /** As given, quotes included: it may be case-sensitive to its host. */
  readonly local: string;
  /** Domain as given; may hold U-labels. */
  readonly domain: string;
  /** Domain as A-labels, lower case: what DNS and the envelope take. */
  readonly ascii: string;
  /** The local part is not ASCII: the receiving server must offer SMTPUTF8 (RFC 6531). */
  readonly needsSmtpUtf8: boolean;
}

/** Why a text is not a mailbox that mail can be sent to. */
export interface AddressProblem {
  readonly kind: 'problem';
  /** Stable, for programs. */
  readonly code:
    | 'empty'
    | 'too_long'
    | 'no_at'
    | 'bad_local_part'
    | 'bad_domain'
    | 'address_literal'
    | 'single_label'
    | 'control_character';
  /** For people: what is wrong and what would be right. */
  readonly text: string;
}

/** Octets of a whole address (RFC 5321 4.5.3.1.3 less the angle brackets), of its local part and of one label. */
const maxAddressBytes = 254;
const maxLocalBytes = 64;
const maxDomainBytes = 253;
const maxLabelBytes = 63;

const plainDomain = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/;
const plainLocal = /^[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
/** A dot-atom whose atoms may hold any printable character beyond ASCII (RFC 6531 3.3). */
const internationalLocal =
  /^(?:[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]|[^\p{ASCII}\p{C}\p{Z}])+(?:\.(?:[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]|[^\p{ASCII}\p{C}\p{Z}])+)*$/u;
const quotedLocal = /^"(?:[ !#-[\]-~]|\\[ -~]|[^\p{ASCII}\p{C}])*"$/u;
const controlCharacter = /[\p{Cc}\u2028\u2029]/u;
const domainCharacters = /^(?:[a-zA-Z0-9.-]|[^\p{ASCII}])+$/u;
const notAscii = /\P{ASCII}/u;

const problem = (code: AddressProblem['code'], text: string): AddressProblem => ({
  kind: 'problem',
  code,
  text,
});

/** Lower-case A-labels of a domain name, or undefined when it is none (length, characters, IDNA mapping). */
export const asciiDomain = (domain: string): string | undefined => {
  if (domain.length <= maxDomainBytes && plainDomain.test(domain) && !domain.includes('xn--')) {
    return domain.split('.').every((label) => label.length <= maxLabelBytes) ? domain : undefined;
  }
  if (!domainCharacters.test(domain)) return undefined;
  // The URL host parser behind it is lenient about shape, so the result is checked as strictly as a plain name.
  const ascii = domainToASCII(domain);
  if (ascii.length > maxDomainBytes || !plainDomain.test(ascii)) return undefined;
  return ascii.split('.').every((label) => label.length <= maxLabelBytes) ? ascii : undefined;
};

/**
 * Reads one mailbox without display name, comments or folding.
 * Address literals and single-label domains are refused: neither has an MX, and both lead inside a network.
 */
export const parseAddress = (text: string): Address | AddressProblem => {
  if (text === '') return problem('empty', 'The address is empty.');
  if (controlCharacter.test(text)) {
    return problem('control_character', 'The address contains a control character or a line break.');
  }
  if (text.length > maxAddressBytes) {
    return problem('too_long', `The address is longer than ${maxAddressBytes} octets.`);
  }
  const at = text.lastIndexOf('@');
  if (at === -1) return problem('no_at', 'The address has no "@".');
  const local = text.slice(0, at);
  const domain = text.slice(at + 1);

  let needsSmtpUtf8 = false;
  if (!plainLocal.test(local)) {
    if (!internationalLocal.test(local) && !quotedLocal.test(local)) {
      return problem('bad_local_part', 'The part before the "@" is not a dot-atom or a quoted string.');
    }
    needsSmtpUtf8 = notAscii.test(local);
  }
  const localBytes = needsSmtpUtf8 ? Buffer.byteLength(local) : local.length;
  if (localBytes > maxLocalBytes) {
    return problem('too_long', `The part before the "@" is longer than ${maxLocalBytes} octets.`);
  }
  if (domain.startsWith('[')) {
    return problem('address_literal', 'Address literals such as [192.0.2.1] are not delivered to.');
  }
  const ascii = asciiDomain(domain);
  if (ascii === undefined) {
    return /^[^.]+$/.test(domain)
      ? problem('single_label', `"${domain}" is a single label, not a domain that receives mail.`)
      : problem('bad_domain', 'The part after the "@" is not a domain name.');
  }
  if (localBytes + 1 + ascii.length > maxAddressBytes) {
    return problem('too_long', `The address is longer than ${maxAddressBytes} octets.`);
  }
  return { kind: 'address', local, domain, ascii, needsSmtpUtf8 };
};

/** The address as the envelope carries it: local part as given, domain as A-labels. */
export const envelopeAddress = (address: Address): string => `${address.local}@${address.ascii}`;

/**
 * One spelling for all that reach the same mailbox in practice: lower case, NFC, needless quotes removed,
 * domain as A-labels. The form of `Suppression.address`; never an envelope address.
 */
export const suppressionAddress = (address: Address): string => {
  let local = address.local;
  if (local.startsWith('"')) {
    const bare = local.slice(1, -1).replaceAll(/\\(.)/gu, '$1');
    if (plainLocal.test(bare) || internationalLocal.test(bare)) local = bare;
  }
  return `${(address.needsSmtpUtf8 ? local.normalize('NFC') : local).toLowerCase()}@${address.ascii}`;
};
